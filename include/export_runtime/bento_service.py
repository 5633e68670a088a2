"""A BentoML service that scores rows with the packaged model in this folder.

POST /score with {"rows": [{...}, ...]} returns the scores, in the order of the rows.
"""

from http import HTTPStatus
from typing import Any

import bentoml
from bentoml.exceptions import InvalidArgument

from include.export_runtime.scorer import ScoreRequestError, load


class InvalidRow(InvalidArgument):
    """A row that cannot be scored; the client gets its message with this status."""

    error_code = HTTPStatus.UNPROCESSABLE_ENTITY


@bentoml.service(name=load.__module__)
class Model:
    """Scores rows of features. Each worker verifies the package when it starts."""

    def __init__(self) -> None:
        self._model = load()

    @bentoml.api
    def score(self, rows: list[dict[str, Any]]) -> list[float]:
        """Return the score of each row, a mapping of each feature to a number, a text, or null if it is missing."""
        try:
            return self._model.score(rows)
        except ScoreRequestError as fault:
            raise InvalidRow(str(fault)) from None
