"""Vertex AI's protocol for custom containers: `{"instances": [...]}` in, `{"predictions": [...]}` out."""

from collections.abc import Sequence
from typing import Any

import msgspec

from include.serving.handler import Answer
from include.serving.protocols import codec
from include.serving.protocols.codec import Ask, Reply
from ml.errors import QuestionError
from ml.scoring import request_schema
from ml.scoring.request_schema import Row


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked: rows, and parameters, of which there are none."""

    instances: list[Any]
    parameters: dict[str, Any] | None = None


def read(ask: Ask) -> list[Row]:
    """Return the instances, objects or lists of all features in order; raises QuestionError."""
    codec.require(ask, codec.JSON)
    told = codec.decoded(ask.body, Body)
    if told.parameters:
        raise QuestionError(f"parameters: there are none to set, got {request_schema.shown(told.parameters)}")
    return codec.rows(told.instances, ask.taken)


def write(_: Ask, answers: Sequence[Answer]) -> Reply:
    """Return the scores in the order of the instances."""
    return Reply(body=msgspec.json.encode({"predictions": [each.score for each in answers]}))
