"""What MLflow's scoring server reads at `/invocations`, and SageMaker sends there: frames as JSON, CSV or JSON lines."""

from collections.abc import Sequence
from typing import Any

import msgspec

from include.serving.handler import Answer
from include.serving.protocols import codec
from include.serving.protocols.codec import CSV, JSON, LINES, Ask, Reply
from ml.errors import QuestionError
from ml.scoring import request_schema
from ml.scoring.request_schema import Row, Taken


class Split(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frame as `DataFrame.to_dict(orient="split")` writes it; its index is of no use here."""

    columns: list[str]
    data: list[list[Any]]
    index: list[Any] | None = None


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked: a frame in one of four forms, and parameters, of which there are none."""

    dataframe_split: Split | None = None
    dataframe_records: list[dict[str, Any]] | None = None
    inputs: list[Any] | dict[str, Any] | None = None
    instances: list[Any] | dict[str, Any] | None = None
    params: dict[str, Any] | None = None


def read(ask: Ask) -> list[Row]:
    """Return the rows of a frame in any of the formats; raises QuestionError."""
    codec.require(ask, JSON, CSV, LINES)
    match ask.content_type:
        case codec.CSV:
            return [*request_schema.table(ask.body, ask.taken)]
        case codec.LINES:
            lines = (line for line in ask.body.splitlines() if line.strip())
            return codec.rows([codec.decoded(line, dict[str, Any]) for line in lines], ask.taken)
        case _:
            return _frame(codec.decoded(ask.body, Body), ask.taken)


def write(ask: Ask, answers: Sequence[Answer]) -> Reply:
    """Return the scores as MLflow does, or one on each line where the client would rather have CSV."""
    scores = [each.score for each in answers]
    if ask.accept.startswith(CSV):
        return Reply(body="".join(f"{score!r}\n" for score in scores).encode(), content_type=CSV)
    return Reply(body=msgspec.json.encode({"predictions": scores}))


def _frame(told: Body, taken: Taken) -> list[Row]:
    if told.params:
        raise QuestionError(f"params: there are none to set, got {request_schema.shown(told.params)}")
    forms = {name: getattr(told, name) for name in Body.__struct_fields__ if name != "params"}
    given = {name: found for name, found in forms.items() if found is not None}
    if len(given) != 1:
        raise QuestionError(
            f"expected one of {request_schema.listed(list(forms))}, got {request_schema.listed(list(given)) or 'none'}"
        )
    (found,) = given.values()
    if not isinstance(found, Split):
        return codec.rows(found, taken)
    if not found.data:
        raise QuestionError("dataframe_split: expected one row or more, got none")
    return [*request_schema.records(found.columns, found.data)]
