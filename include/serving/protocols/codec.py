"""Requests and replies that all protocols share, and functions to decode them."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from include.serving import explanations
from include.serving.handler import Prediction
from ml.errors import ScoreRequestError
from ml.scoring import exact_numbers, request_schema
from ml.scoring.request_schema import RequestSchema, Row

T = TypeVar("T")
HORIZON = "horizon"  # the option that names the horizon whose model is to answer
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_MANY_ZEROS, _EXACT_BELOW = b"0" * 300, exact_numbers.EXACT_BELOW
JSON, CSV, JSON_LINES = "application/json", "text/csv", "application/jsonlines"


class MediaError(ScoreRequestError):
    """The body has a media type that the protocol does not read."""


class ProtocolRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request body with the relevant headers, and the model that is requested: its name and its features.

    `schema_of` returns the features of the model at a horizon, which the body may name.
    """

    request_id: str
    body: bytes
    model: str
    input_schema: RequestSchema
    schema_of: Callable[[str], RequestSchema] | None = None
    content_type: str = JSON
    accept: str = ""
    json_bytes: int | None = None  # length of the JSON; binary tensors follow (Inference-Header-Content-Length)
    explain: int | None = None  # how many features to explain each score by, if the address or a header says so


class DecodedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a request, and by how many features each score is to be explained; 0 is not at all.

    `horizon` is the horizon that the body names, if it does.
    """

    rows: Sequence[Row]
    explain: int = 0
    horizon: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The body and headers of an answer."""

    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = {}


def explanation_size(request: ProtocolRequest, given: object, option: str = explanations.NAME) -> int:
    """Return by how many features to explain each score; what the body has `given` takes precedence.

    `option` names it. Raises ScoreRequestError when it is neither true, false nor a number.
    """
    return explanations.parse_size(given, option) if given is not None else request.explain or 0


def horizon_option(given: object, option: str = HORIZON) -> str | None:
    """Return the horizon that the body has `given`, if it has; `option` names it.

    Raises ScoreRequestError when it is no text.
    """
    if given is None or isinstance(given, str):
        return given
    raise ScoreRequestError(f"{option}: expected the name of a horizon, got {request_schema.truncate(given)}")


class BodyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a body: by how many features to explain each score, and the horizon if it names one."""

    explain: int
    horizon: str | None = None

    def input_schema(self, request: ProtocolRequest) -> RequestSchema:
        """Return the features of the model that is requested."""
        if self.horizon is None or request.schema_of is None:
            return request.input_schema
        return request.schema_of(self.horizon)


def known_options(request: ProtocolRequest, options: Mapping[str, Any] | None, name: str) -> BodyOptions:
    """Return the `options` of a body, which it calls `name`.

    Raises ScoreRequestError when one has the wrong type or is unknown.
    """
    known = (explanations.NAME, HORIZON)
    unknown = [each for each in options or () if each not in known]
    if unknown:
        raise ScoreRequestError(
            f"{name}: expected none but {request_schema.join_names(known)}, got {request_schema.join_names(unknown)}: "
            "leave it out"
        )
    return read_options(request, options or {}, name)


def read_options(request: ProtocolRequest, options: Mapping[str, Any], name: str) -> BodyOptions:
    """Return the same from `options` that may have others too."""
    return BodyOptions(
        explain=explanation_size(request, options.get(explanations.NAME), f"{name}.{explanations.NAME}"),
        horizon=horizon_option(options.get(HORIZON), f"{name}.{HORIZON}"),
    )


def horizons_of(answers: Sequence[Prediction]) -> list[str]:
    """Return the horizons of the models that answered, each once, if the server says them."""
    return list(dict.fromkeys(each.horizon for each in answers if each.horizon is not None))


def with_explanation(answer: Prediction) -> float | dict[str, object]:
    """Return a prediction of protocols whose predictions are values: the score, or an object if it is explained."""
    if answer.explanation is None:
        return answer.score
    return {"score": answer.score, "explanation": answer.explanation.to_json()}


def check_media_type(request: ProtocolRequest, *media: str) -> None:
    """Raise MediaError unless the body has one of these media types."""
    if request.content_type not in media:
        raise MediaError(f"expected {' or '.join(media)}, got {request_schema.truncate(request.content_type)}")


def decode_json(body: bytes, shape: type[T]) -> T:
    """Return the JSON in `body` decoded as `shape`.

    A number that a float does not store is an InexactNumber. Raises ScoreRequestError when it has another shape, or when
    an object has a name twice.
    """
    try:
        decoded, untyped = msgspec.json.decode(body, type=shape), msgspec.json.decode(body)
        _check_names(body, untyped)
        if _may_be_inexact(body, untyped):
            return msgspec.json.Decoder(shape, float_hook=exact_numbers.from_text).decode(body)
        return decoded
    except (msgspec.DecodeError, RecursionError, ValueError) as fault:  # ValueError: invalid UTF-8
        raise ScoreRequestError(f"expected JSON, but: {fault}") from None


def _check_names(body: bytes, decoded: object) -> None:
    """Raise ScoreRequestError when an object in the valid JSON `body`, which is `decoded`, has a name twice.

    msgspec keeps the last value. Each name is followed by a colon, so the slow parser that names it is needed only when
    there are more colons than names, and, without those in texts, still are.
    """
    names = _count_names(decoded)
    if body.count(b":") != names and _TEXT.sub(b"", body).count(b":") != names:
        json.loads(body, object_pairs_hook=request_schema.object_from_pairs)


def _count_names(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count_names(each) for each in value.values() if isinstance(each, dict | list))
    if isinstance(value, list):
        return sum(_count_names(each) for each in value if isinstance(each, dict | list))
    return 0


def _may_be_inexact(body: bytes, decoded: object) -> bool:
    """Return whether a float may be a rounded whole number, or a 0 that is written as another number.

    Decoding with a hook for each float takes several times as long, and hardly any request needs it.
    """
    return b"e-" in body or b"E-" in body or _MANY_ZEROS in body or _has_large_float(decoded)


def _has_large_float(value: object) -> bool:
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if type(each) is float:
            if not -_EXACT_BELOW < each < _EXACT_BELOW:
                return True
        elif isinstance(each, dict | list) and _has_large_float(each):
            return True
    return False


def parse_rows(value: object, input_schema: RequestSchema) -> list[Row]:
    """Return rows given as objects, as lists of all features in order, or as an object of columns.

    Raises ScoreRequestError for anything else, and when there are no rows.
    """
    if isinstance(value, Mapping):
        return _rows_from_columns(value)
    if not isinstance(value, list) or not value:
        raise ScoreRequestError(f"expected a list of one row or more, got {request_schema.truncate(value)}")
    if all(isinstance(row, list) for row in value):
        return [*request_schema.rows_from_columns(input_schema.names, value)]
    for row in value:
        if not isinstance(row, dict):
            raise ScoreRequestError(
                f"expected each row to be an object of features, got {request_schema.truncate(row)}"
            )
    return value


def _rows_from_columns(columns: Mapping[str, object]) -> list[Row]:
    cells = list(columns.values())
    sizes = {len(each) if isinstance(each, list) else -1 for each in cells}
    if len(sizes) != 1 or sizes <= {-1, 0}:
        raise ScoreRequestError(
            f"expected an object of columns, all lists of the same length, got {request_schema.truncate(dict(columns))}"
        )
    return [dict(zip(columns, row, strict=True)) for row in zip(*_lists(cells), strict=True)]


def _lists(cells: Sequence[object]) -> list[list[object]]:
    return [each for each in cells if isinstance(each, list)]
