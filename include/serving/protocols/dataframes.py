"""The protocol of MLflow's scoring server and of SageMaker at `/invocations`: frames as JSON, CSV or JSON lines."""

from collections.abc import Sequence
from typing import Any

import msgspec

from include.serving.handler import Prediction
from include.serving.protocols import codec
from include.serving.protocols.codec import CSV, JSON, JSON_LINES, DecodedRequest, ProtocolRequest, Reply
from ml.errors import ScoreRequestError
from ml.scoring import request_schema
from ml.scoring.request_schema import RequestSchema, Row

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_OPTIONS = "params"


class Split(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frame as written by `DataFrame.to_dict(orient="split")`; its index is ignored."""

    columns: list[str]
    data: list[list[Any]]
    index: list[Any] | None = None


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request body: a frame in one of four forms. `params` may have `explain` and `horizon`."""

    dataframe_split: Split | None = None
    dataframe_records: list[dict[str, Any]] | None = None
    inputs: list[Any] | dict[str, Any] | None = None
    instances: list[Any] | dict[str, Any] | None = None
    params: dict[str, Any] | None = None


def read(request: ProtocolRequest) -> DecodedRequest:
    """Return the rows of a frame in any of the formats.

    Raises ScoreRequestError for an invalid frame, and for explanations as CSV, which cannot have them.
    """
    codec.check_media_type(request, JSON, CSV, JSON_LINES)
    options, rows = codec.read_options(request, {}, _OPTIONS), list[Row]()
    match request.content_type:
        case codec.CSV:
            rows.extend(request_schema.rows_from_csv(request.body, request.input_schema))
        case codec.JSON_LINES:
            lines = (line for line in request.body.split(b"\n") if line.strip())
            rows = codec.parse_rows([codec.decode_json(line, dict[str, Any]) for line in lines], request.input_schema)
        case _:
            body = codec.decode_json(request.body, Body)
            options = codec.known_options(request, body.params, _OPTIONS)
            rows = _parse_frame(body, options.input_schema(request))
    if options.explain and request.accept.startswith(CSV):
        raise ScoreRequestError(f"expected to answer with explanations in {JSON}, got 'Accept: {CSV}': accept {JSON}")
    return DecodedRequest(rows=rows, explain=options.explain, horizon=options.horizon)


def write(request: ProtocolRequest, answers: Sequence[Prediction]) -> Reply:
    """Return the scores as MLflow does, or one per line if the client accepts CSV.

    An explained score is an object with its explanation, as from the model itself loaded by MLflow. The horizons of the
    models that answered, if the server says them, are in the only header of its own that SageMaker passes on.
    """
    horizons = ";".join(f"{codec.HORIZON}={each}" for each in codec.horizons_of(answers))
    headers = {ATTRIBUTES: horizons} if horizons else {}
    if request.accept.startswith(CSV):
        lines = "".join(f"{each.score!r}\n" for each in answers)
        return Reply(body=lines.encode(), content_type=CSV, headers=headers)
    predictions = [codec.with_explanation(each) for each in answers]
    return Reply(body=msgspec.json.encode({"predictions": predictions}), headers=headers)


def _parse_frame(body: Body, input_schema: RequestSchema) -> list[Row]:
    forms = {name: getattr(body, name) for name in Body.__struct_fields__ if name != _OPTIONS}
    given = {name: frame for name, frame in forms.items() if frame is not None}
    if len(given) != 1:
        raise ScoreRequestError(
            f"expected one of {request_schema.join_names(list(forms))}, "
            f"got {request_schema.join_names(list(given)) or 'none'}"
        )
    (body,) = given.values()
    if not isinstance(body, Split):
        return codec.parse_rows(body, input_schema)
    if not body.data:
        raise ScoreRequestError("dataframe_split: expected one row or more, got none")
    return [*request_schema.rows_from_columns(body.columns, body.data)]
