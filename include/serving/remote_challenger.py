"""A challenger that answers in a process, or a container, of its own: whatever it does, the champion's goes on."""

from collections.abc import Sequence

import httpx
import msgspec

from include.serving.config import Limits
from ml.errors import RequestError


class _Answer(msgspec.Struct):
    score: float
    package: str


class _Reply(msgspec.Struct):
    answers: list[_Answer]


def connect(limits: Limits) -> httpx.Client:
    """Return a client of the server that the challenger's answers come from."""
    headers = {"Authorization": f"Bearer {limits.token}"} if limits.token else {}
    return httpx.Client(base_url=limits.challenger, timeout=limits.challenger_seconds, trust_env=False, headers=headers)


class Apart:
    """A server elsewhere that answers with the package `digest`, asked by threads that may wait."""

    def __init__(self, digest: str, client: httpx.Client) -> None:
        self._digest, self._client = digest, client

    def require(self) -> None:
        """Raise RequestError unless the server is there, and answers with the package."""
        try:
            told = self._client.get("/readyz").json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._failed(f"none answers: {error!r}") from None
        if told.get("package") != self._digest:
            raise self._failed(f"it answers with {told.get('package')}: {told.get('faults')}")

    def scores(self, rows: Sequence[dict[str, object]]) -> list[float]:
        """Return the score of each row of features; raises RequestError when they do not come, or from another package."""
        try:
            replied = self._client.post("/score", content=msgspec.json.encode({"rows": rows}))
            replied.raise_for_status()
            answers = msgspec.json.decode(replied.content, type=_Reply).answers
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise self._failed(repr(error)) from None
        if len(answers) != len(rows) or any(each.package != self._digest for each in answers):
            raise self._failed(f"got {len(answers)} answers of {sorted({each.package for each in answers})}")
        return [each.score for each in answers]

    def _failed(self, why: str) -> RequestError:
        return RequestError(
            f"expected a server of the challenger {self._digest[:12]} at {self._client.base_url}, but {why}"
        )
