"""Ratchet's own protocol: rows or entities in, scores with their package and route out."""

from collections.abc import Sequence
from typing import Any

import msgspec

from include.serving.handler import Prediction
from include.serving.protocols import codec
from include.serving.protocols.codec import ProtocolRequest, Reply
from ml.errors import ScoreRequestError
from ml.scoring import request_schema
from ml.scoring.request_schema import Row


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request body: either rows of features, or the keys of entities."""

    rows: list[dict[str, Any]] | None = None
    entities: list[str] | None = None


def read(request: ProtocolRequest) -> list[Row]:
    """Return the rows of `{"rows": [{...}, ...]}` or of `{"entities": ["...", ...]}`; raises ScoreRequestError."""
    codec.check_media_type(request, codec.JSON)
    body = codec.decode_json(request.body, Body)
    if bool(body.rows) == bool(body.entities):
        raise ScoreRequestError("expected either 'rows' or 'entities', a list of one or more")
    return [*(body.rows or ({request_schema.ENTITY: each} for each in body.entities or ()))]


def write(request: ProtocolRequest, answers: Sequence[Prediction]) -> Reply:
    """Return each score with its entity, package and route."""
    entries = [
        {"entity": each.entity, "score": each.score, "package": each.package, "route": each.route} for each in answers
    ]
    return Reply(body=msgspec.json.encode({"request_id": request.request_id, "answers": entries}))
