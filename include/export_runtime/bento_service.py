"""A BentoML service that scores rows with the packaged model in this folder.

POST /score with {"rows": [{...}, ...]} returns the scores, in the order of the rows.
"""

from http import HTTPStatus
from typing import Any

import bentoml
from bentoml.exceptions import InvalidArgument

from include.export_runtime.scorer import ScoreRequestError, load

_MODEL = load()


class InvalidRow(InvalidArgument):
    """A row that cannot be scored; the client gets its message with this status."""

    error_code = HTTPStatus.UNPROCESSABLE_ENTITY


@bentoml.service(name=load.__module__)
class Model:
    """Scores rows of features with the package, which was verified when this file was imported."""

    @bentoml.api
    def score(self, rows: list[dict[str, Any]]) -> list[float]:
        """Return the score of each row, a mapping of each feature to a number, a text, or null if it is missing."""
        try:
            return _MODEL.score(rows)
        except ScoreRequestError as fault:
            raise InvalidRow(str(fault)) from None
