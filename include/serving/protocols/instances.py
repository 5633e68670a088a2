"""Vertex AI's protocol for custom containers: `{"instances": [...]}` in, `{"predictions": [...]}` out.

KServe's first protocol is the same, with a second route whose answers have the explanations beside the predictions.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from include.serving import explanations
from include.serving.handler import Prediction
from include.serving.protocols import codec
from include.serving.protocols.codec import DecodedRequest, ProtocolRequest, Reply
from ml.errors import ScoreRequestError


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request body: rows. `parameters` may have `explain` and `horizon`."""

    instances: list[Any]
    parameters: dict[str, Any] | None = None


def read(request: ProtocolRequest) -> DecodedRequest:
    """Return the instances, given as objects or as lists of all features in order; raises ScoreRequestError."""
    codec.check_media_type(request, codec.JSON)
    body = codec.decode_json(request.body, Body)
    options = codec.known_options(request, body.parameters, "parameters")
    rows = codec.parse_rows(body.instances, options.input_schema(request))
    return DecodedRequest(rows=rows, explain=options.explain, horizon=options.horizon)


def read_explained(request: ProtocolRequest) -> DecodedRequest:
    """Return the same for a route that always explains, by five features unless the request says how many.

    Raises ScoreRequestError also when the request says that it wants none.
    """
    decoded = read(
        replace(request, explain=explanations.parse_size(True) if request.explain is None else request.explain)
    )
    if decoded.explain:
        return decoded
    raise ScoreRequestError(
        f"{explanations.NAME}: expected true or how many features to return, got none: this address always explains; "
        "for scores alone, ask the one that ends in :predict"
    )


def write(_: ProtocolRequest, answers: Sequence[Prediction]) -> Reply:
    """Return the scores in the order of the instances; each explained one is an object with its explanation."""
    predictions = [codec.with_explanation(each) for each in answers]
    return Reply(body=msgspec.json.encode({"predictions": predictions}))


def write_explained(_: ProtocolRequest, answers: Sequence[Prediction]) -> Reply:
    """Return the scores, and beside them their explanations."""
    explained = [each.explanation.to_json() for each in answers if each.explanation is not None]
    return Reply(body=msgspec.json.encode({"predictions": [each.score for each in answers], "explanations": explained}))
