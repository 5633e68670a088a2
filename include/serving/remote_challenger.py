"""A challenger in a process or container of its own, so that it cannot disturb the champion's server."""

from collections.abc import Sequence

import httpx
import msgspec

from include.serving.config import ServingConfig
from ml.errors import RequestError


class _Answer(msgspec.Struct):
    score: float
    package: str


class _Reply(msgspec.Struct):
    answers: list[_Answer]


def connect(config: ServingConfig) -> httpx.Client:
    """Return a client of the challenger's server."""
    headers = {"Authorization": f"Bearer {config.token}"} if config.token else {}
    return httpx.Client(base_url=config.challenger, timeout=config.challenger_seconds, trust_env=False, headers=headers)


class RemoteChallenger:
    """A server that scores with the package `digest`. Calls block, so they are made in threads."""

    def __init__(self, digest: str, client: httpx.Client) -> None:
        self._digest, self._client = digest, client

    def check_ready(self) -> None:
        """Raise RequestError unless the server is ready and serves the package."""
        try:
            status = self._client.get("/readyz").json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._error(f"none answers: {error!r}") from None
        if status.get("package") != self._digest:
            raise self._error(f"it answers with {status.get('package')}: {status.get('faults')}")

    def scores(self, rows: Sequence[dict[str, object]]) -> list[float]:
        """Return the score of each row; raises RequestError when the server fails or another package answers."""
        try:
            response = self._client.post("/score", content=msgspec.json.encode({"rows": rows}))
            response.raise_for_status()
            answers = msgspec.json.decode(response.content, type=_Reply).answers
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise self._error(repr(error)) from None
        if len(answers) != len(rows) or any(each.package != self._digest for each in answers):
            raise self._error(f"got {len(answers)} answers of {sorted({each.package for each in answers})}")
        return [each.score for each in answers]

    def _error(self, why: str) -> RequestError:
        return RequestError(
            f"expected a server of the challenger {self._digest[:12]} at {self._client.base_url}, but {why}"
        )
