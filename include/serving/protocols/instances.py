"""Vertex AI's protocol for custom containers: `{"instances": [...]}` in, `{"predictions": [...]}` out."""

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
    """The request body: rows. `parameters` must be empty."""

    instances: list[Any]
    parameters: dict[str, Any] | None = None


def read(request: ProtocolRequest) -> list[Row]:
    """Return the instances, given as objects or as lists of all features in order; raises ScoreRequestError."""
    codec.check_media_type(request, codec.JSON)
    body = codec.decode_json(request.body, Body)
    if body.parameters:
        raise ScoreRequestError(f"parameters: expected none, got {request_schema.truncate(body.parameters)}")
    return codec.parse_rows(body.instances, request.input_schema)


def write(_: ProtocolRequest, answers: Sequence[Prediction]) -> Reply:
    """Return the scores in the order of the instances."""
    return Reply(body=msgspec.json.encode({"predictions": [each.score for each in answers]}))
