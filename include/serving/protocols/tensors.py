"""The Open Inference Protocol, version 2 (KServe, Seldon, Triton): one tensor for each feature, as JSON or binary.

https://kserve.github.io/website/latest/modelserving/data_plane/v2_protocol/, with Triton's binary tensor extension.
Explanations are an output of their own: a tensor of JSON texts, one for each row.
"""

import struct
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from math import isnan
from typing import Any

import msgspec
import numpy as np

from include.serving import explanations
from include.serving.handler import Prediction
from include.serving.protocols import codec
from include.serving.protocols.codec import DecodedRequest, ProtocolRequest, Reply
from ml.errors import ScoreRequestError
from ml.scoring import request_schema
from ml.scoring.exact_numbers import InexactNumber

SCORE, EXPLANATION, HEADER = "score", "explanation", "Inference-Header-Content-Length"
BINARY = "application/octet-stream"
_TYPES = {
    "BOOL": "u1",
    **{f"{sign}INT{8 * size}": f"<{kind}{size}" for sign, kind in (("", "i"), ("U", "u")) for size in (1, 2, 4, 8)},
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
_TEXT, _BOOLEAN = "BYTES", "BOOL"
_LENGTH = struct.Struct("<I")


class Tensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column. Its cells are in `data`, or in the binary part after the JSON."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: dict[str, Any] = {}


class RequestedOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An output tensor that the client requests."""

    name: str
    parameters: dict[str, Any] = {}


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request body; KServe's own client names the model here too. `parameters` may have `explain` and `horizon`."""

    inputs: list[Tensor]
    model_name: str | None = None
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[RequestedOutput] = []


def datatype(*, is_text: bool) -> str:
    """Return the datatype in which a feature is described to clients; other datatypes are read too."""
    return _TEXT if is_text else "FP64"


def read(request: ProtocolRequest) -> DecodedRequest:
    """Return the rows of the tensors, which each have the shape [n] or [n, 1]; raises ScoreRequestError."""
    codec.check_media_type(request, codec.JSON, BINARY)
    body, rest = _split_body(request)
    options = codec.read_options(request, body.parameters, "parameters")
    _check_outputs(body, options.explain)
    if body.model_name not in (None, request.model):
        raise ScoreRequestError(
            f"expected model_name to be {request.model!r} as in the path, "
            f"got {request_schema.truncate(body.model_name)}"
        )
    columns: dict[str, list[object]] = {}
    for tensor in body.inputs:
        if tensor.name in columns:
            raise ScoreRequestError(f"expected each tensor once, got {request_schema.truncate(tensor.name)} twice")
        columns[tensor.name], rest = _column(tensor, rest)
    if rest:
        raise ScoreRequestError(
            f"{len(rest)} bytes came after the last tensor: send as many as its binary_data_size says"
        )
    if len({len(cells) for cells in columns.values()}) > 1:
        raise ScoreRequestError("expected every tensor to have as many rows as the others")
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return DecodedRequest(rows=rows, explain=options.explain, horizon=options.horizon)


def write(request: ProtocolRequest, answers: Sequence[Prediction]) -> Reply:
    """Return a tensor of scores, and one of explanations if there are any; in binary form if the client requested it.

    The version is the package that answered, if one did for all rows. The parameter `horizon` has the horizons of the
    models that answered, if the server says them.
    """
    body, _ = _split_body(request)
    scores, data = [each.score for each in answers], dict[str, tuple[str, list[Any], bytes]]()
    if not body.outputs or SCORE in [each.name for each in body.outputs]:
        data[SCORE] = ("FP64", scores, np.asarray(scores, "<f8").tobytes())
    texts = [msgspec.json.encode(each.explanation.to_json()) for each in answers if each.explanation is not None]
    if texts:
        packed = b"".join(_LENGTH.pack(len(each)) + each for each in texts)
        data[EXPLANATION] = (_TEXT, [each.decode() for each in texts], packed)
    as_bytes, versions, horizons = _wants_bytes(body), {each.package for each in answers}, codec.horizons_of(answers)
    reply = {
        "model_name": request.model,
        **({"model_version": next(iter(versions))} if len(versions) == 1 else {}),
        "id": body.id or request.request_id,
        **({"parameters": {codec.HORIZON: ", ".join(horizons)}} if horizons else {}),
        "outputs": [
            {"name": name, "datatype": kind, "shape": [len(answers)]}
            | ({"parameters": {"binary_data_size": len(raw)}} if as_bytes else {"data": cells})
            for name, (kind, cells, raw) in data.items()
        ],
    }
    head = msgspec.json.encode(reply)
    if not as_bytes:
        return Reply(body=head)
    raw_parts = b"".join(raw for _, _, raw in data.values())
    return Reply(body=head + raw_parts, content_type=BINARY, headers={HEADER: str(len(head))})


def _check_outputs(body: Body, explain: int) -> None:
    """Raise ScoreRequestError unless there are inputs, and the requested outputs are those that the answer has."""
    names = [output.name for output in body.outputs]
    if not body.inputs or not set(names) <= {SCORE, EXPLANATION}:
        raise ScoreRequestError(f"expected one input or more, and no output but {SCORE!r} and {EXPLANATION!r}")
    if names and (EXPLANATION in names) != bool(explain):
        raise ScoreRequestError(
            f"expected the output {EXPLANATION!r} together with the parameter {explanations.NAME!r}, got only one of "
            "them: send both, or name no outputs"
        )


def _split_body(request: ProtocolRequest) -> tuple[Body, bytes]:
    """Return the decoded body, and the bytes of the binary tensors."""
    end = len(request.body) if request.json_bytes is None else request.json_bytes
    if end > len(request.body):
        raise ScoreRequestError(f"{HEADER} says {end} bytes of JSON, but only {len(request.body)} bytes came")
    return codec.decode_json(request.body[:end], Body), request.body[end:]


def _column(tensor: Tensor, rest: bytes) -> tuple[list[object], bytes]:
    """Return the cells of one tensor, and the remaining bytes."""
    name, shape = tensor.name, tensor.shape
    if not shape or shape[0] < 1 or shape[1:] not in ([], [1]):
        raise ScoreRequestError(f"{name}: expected a shape [n] or [n, 1] of one row or more, got {shape}")
    if tensor.datatype not in (*_TYPES, _TEXT):
        raise ScoreRequestError(
            f"{name}: expected a datatype of {', '.join([*_TYPES, _TEXT])}, got {tensor.datatype!r}"
        )
    size = tensor.parameters.get("binary_data_size")
    if size is None:
        cells = _flatten(name, tensor.data)
    elif type(size) is int and 0 <= size <= len(rest):
        cells, rest = _unpack(name, tensor.datatype, rest[:size]), rest[size:]
    else:
        raise ScoreRequestError(
            f"{name}: binary_data_size says {request_schema.truncate(size)}, but {len(rest)} bytes are left"
        )
    if size is None or tensor.datatype == _BOOLEAN:
        _check_cells(tensor, cells)
    if len(cells) != shape[0]:
        raise ScoreRequestError(f"{name}: expected {shape[0]} cells for the shape {shape}, got {len(cells)}")
    return cells, rest


def _flatten(name: str, data: list[Any] | None) -> list[object]:
    if data is None:
        raise ScoreRequestError(f"{name}: expected its cells under 'data'")
    return [*chain.from_iterable(each if isinstance(each, list) else [each] for each in data)]


def _check_cells(tensor: Tensor, cells: Sequence[object]) -> None:
    """Raise ScoreRequestError if a cell is neither null nor a value of the tensor's datatype."""
    fits, expected = _VALUES[tensor.datatype]
    for cell in cells:
        if cell is not None and not fits(cell):
            raise ScoreRequestError(
                f"{tensor.name}: expected {expected} or null in a tensor of {tensor.datatype}, "
                f"got {request_schema.truncate(cell)}"
            )


def _values(kind: str) -> tuple[Callable[[object], bool], str]:
    """Return a function that says whether a cell is a value of the datatype `kind`, and what it is in words."""
    if kind == _TEXT:
        return (lambda cell: isinstance(cell, str)), "a text"
    if kind == _BOOLEAN:
        return (lambda cell: cell in (False, True)), "true or false"
    dtype = np.dtype(_TYPES[kind])
    if dtype.kind == "f":
        return partial(_is_float, float(np.finfo(dtype).max)), f"a number of at most {np.finfo(dtype).max} in size"
    bounds = np.iinfo(dtype)
    return partial(_is_whole, bounds.min, bounds.max), f"a whole number from {bounds.min} to {bounds.max}"


def _is_float(limit: float, cell: object) -> bool:
    """Return whether a cell is a number within the limit, or one that the check of its feature refuses later."""
    if isinstance(cell, bool):
        return False
    return -limit <= cell <= limit if isinstance(cell, float | int) else isinstance(cell, InexactNumber)


def _is_whole(first: int, last: int, cell: object) -> bool:
    if isinstance(cell, bool) or not isinstance(cell, float | int):
        return False
    return first <= cell <= last and (isinstance(cell, int) or cell.is_integer())


_VALUES = {kind: _values(kind) for kind in (*_TYPES, _TEXT)}


def _unpack(name: str, kind: str, raw: bytes) -> list[object]:
    if kind == _TEXT:
        return [*_texts(name, raw)]
    dtype = np.dtype(_TYPES[kind])
    if len(raw) % dtype.itemsize:
        raise ScoreRequestError(
            f"{name}: expected cells of {dtype.itemsize} bytes ({kind}), got {len(raw)} bytes in all"
        )
    cells = np.frombuffer(raw, dtype).tolist()
    return [None if isinstance(cell, float) and isnan(cell) else cell for cell in cells]


def _texts(name: str, raw: bytes) -> list[str]:
    """Return the texts in `raw`; each one follows its length in bytes."""
    texts, offset = [], 0
    while offset < len(raw):
        end = offset + _LENGTH.size
        size = _LENGTH.unpack_from(raw, offset)[0] if end <= len(raw) else len(raw)
        if end + size > len(raw):
            raise ScoreRequestError(f"{name}: expected texts that follow their length (4 bytes), got a truncated one")
        texts.append(_utf8(name, raw[end : end + size]))
        offset = end + size
    return texts


def _utf8(name: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as fault:
        raise ScoreRequestError(f"{name}: expected UTF-8, but: {fault}") from None


def _wants_bytes(body: Body) -> bool:
    parameter_sets = (body.parameters, *(each.parameters for each in body.outputs))
    return any(each.get("binary_data_output") or each.get("binary_data") for each in parameter_sets)
