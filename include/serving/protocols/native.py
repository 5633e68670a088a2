"""Ratchet's own protocol: rows or entities in, scores with their package and route out."""

from collections.abc import Sequence
from typing import Any

import msgspec

from include.serving.handler import Prediction
from include.serving.protocols import codec
from include.serving.protocols.codec import DecodedRequest, ProtocolRequest, Reply
from ml.errors import ScoreRequestError
from ml.scoring import request_schema


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request body: either rows of features, or the keys of entities.

    `explain` asks for explanations, and `horizon` for the model of a horizon.
    """

    rows: list[dict[str, Any]] | None = None
    entities: list[str] | None = None
    explain: Any = None
    horizon: str | None = None


def read(request: ProtocolRequest) -> DecodedRequest:
    """Return the rows of `{"rows": [{...}, ...]}` or of `{"entities": ["...", ...]}`; raises ScoreRequestError."""
    codec.check_media_type(request, codec.JSON)
    body = codec.decode_json(request.body, Body)
    if bool(body.rows) == bool(body.entities):
        raise ScoreRequestError("expected either 'rows' or 'entities', a list of one or more")
    rows = body.rows or [{request_schema.ENTITY: each} for each in body.entities or ()]
    return DecodedRequest(rows=rows, explain=codec.explanation_size(request, body.explain), horizon=body.horizon)


def write(request: ProtocolRequest, answers: Sequence[Prediction]) -> Reply:
    """Return each score with its entity, package and route, and with its explanation and horizon if there are any."""
    entries = [
        {"entity": each.entity, "score": each.score, "package": each.package, "route": each.route}
        | ({} if each.explanation is None else {"explanation": each.explanation.to_json()})
        | ({} if each.horizon is None else {"horizon": each.horizon})
        | ({} if each.horizon_reason is None else {"horizon_reason": each.horizon_reason})
        for each in answers
    ]
    return Reply(body=msgspec.json.encode({"request_id": request.request_id, "answers": entries}))
