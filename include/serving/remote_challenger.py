"""A challenger in a process or container of its own, so that it cannot disturb the champion's server."""

from collections.abc import Sequence

import httpx
import msgspec

from include.serving.config import ServingConfig
from include.serving.explanations import Explanation
from ml.errors import RequestError

_EXPLAIN_SECONDS = 10.0


class _Answer(msgspec.Struct):
    score: float
    package: str
    explanation: Explanation | None = None


class _Reply(msgspec.Struct):
    answers: list[_Answer]


def connect(config: ServingConfig) -> httpx.Client:
    """Return a client of the challenger's server."""
    headers = {"Authorization": f"Bearer {config.token}"} if config.token else {}
    return httpx.Client(base_url=config.challenger, timeout=config.challenger_seconds, trust_env=False, headers=headers)


class RemoteChallenger:
    """A server that scores with the package `digest`. Calls block, so they are made in threads.

    Explanations, which are slower than scores, may take `explain_seconds`.
    """

    def __init__(self, digest: str, client: httpx.Client, explain_seconds: float = _EXPLAIN_SECONDS) -> None:
        self._digest, self._client, self._explain_seconds = digest, client, explain_seconds

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
        return [each.score for each in self._answers({"rows": rows}, len(rows), self._client.timeout)]

    def explanations(self, rows: Sequence[dict[str, object]], size: int) -> list[Explanation]:
        """Return the explanation of each score by `size` features; raises RequestError as `scores` does."""
        answers = self._answers({"rows": rows, "explain": size}, len(rows), httpx.Timeout(self._explain_seconds))
        explained = [each.explanation for each in answers if each.explanation is not None]
        if len(explained) != len(rows):
            raise self._error(f"got {len(explained)} explanations for {len(rows)} rows")
        return explained

    def _answers(self, body: dict[str, object], count: int, timeout: httpx.Timeout) -> list[_Answer]:
        try:
            response = self._client.post("/score", content=msgspec.json.encode(body), timeout=timeout)
            response.raise_for_status()
            answers = msgspec.json.decode(response.content, type=_Reply).answers
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise self._error(repr(error)) from None
        if len(answers) != count or any(each.package != self._digest for each in answers):
            raise self._error(f"got {len(answers)} answers of {sorted({each.package for each in answers})}")
        return answers

    def _error(self, why: str) -> RequestError:
        return RequestError(
            f"expected a server of the challenger {self._digest[:12]} at {self._client.base_url}, but {why}"
        )
