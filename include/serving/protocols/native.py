"""Ratchet's own protocol: rows or entities in; with each score goes who gave it."""

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
    """What is asked: either rows of features, or the keys of entities."""

    rows: list[dict[str, Any]] | None = None
    entities: list[str] | None = None


def read(ask: Ask) -> list[Row]:
    """Return the rows of `{"rows": [{...}, ...]}` or of `{"entities": ["...", ...]}`; raises QuestionError."""
    codec.require(ask, codec.JSON)
    told = codec.decoded(ask.body, Body)
    if bool(told.rows) == bool(told.entities):
        raise QuestionError("expected either 'rows' or 'entities', a list of one or more")
    return [*(told.rows or ({request_schema.ENTITY: each} for each in told.entities or ()))]


def write(ask: Ask, answers: Sequence[Answer]) -> Reply:
    """Return each answer with its entity, package and route."""
    told = [
        {"entity": each.entity, "score": each.score, "package": each.package, "route": each.route} for each in answers
    ]
    return Reply(body=msgspec.json.encode({"request_id": ask.request, "answers": told}))
