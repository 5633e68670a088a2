"""What MLflow's scoring server reads at `/invocations`, and SageMaker sends there: frames as JSON, CSV or JSON lines."""

from collections.abc import Sequence
from typing import Any

import msgspec

from include.serving.answering import Answer
from include.serving.protocols import asking
from include.serving.protocols.asking import CSV, JSON, LINES, Ask, Reply
from ml import questions
from ml.errors import QuestionError
from ml.questions import Row, Taken


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
    asking.require(ask, JSON, CSV, LINES)
    match ask.content_type:
        case asking.CSV:
            return [*questions.table(ask.body, ask.taken)]
        case asking.LINES:
            lines = (line for line in ask.body.splitlines() if line.strip())
            return asking.rows([asking.decoded(line, dict[str, Any]) for line in lines], ask.taken)
        case _:
            return _frame(asking.decoded(ask.body, Body), ask.taken)


def write(ask: Ask, answers: Sequence[Answer]) -> Reply:
    """Return the scores as MLflow does, or one on each line where the client would rather have CSV."""
    scores = [each.score for each in answers]
    if ask.accept.startswith(CSV):
        return Reply(body="".join(f"{score!r}\n" for score in scores).encode(), content_type=CSV)
    return Reply(body=msgspec.json.encode({"predictions": scores}))


def _frame(told: Body, taken: Taken) -> list[Row]:
    if told.params:
        raise QuestionError(f"params: there are none to set, got {questions.shown(told.params)}")
    forms = {name: getattr(told, name) for name in Body.__struct_fields__ if name != "params"}
    given = {name: found for name, found in forms.items() if found is not None}
    if len(given) != 1:
        raise QuestionError(
            f"expected one of {questions.listed(list(forms))}, got {questions.listed(list(given)) or 'none'}"
        )
    (found,) = given.values()
    if not isinstance(found, Split):
        return asking.rows(found, taken)
    if not found.data:
        raise QuestionError("dataframe_split: expected one row or more, got none")
    return [*questions.records(found.columns, found.data)]
