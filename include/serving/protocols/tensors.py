"""The Open Inference Protocol, version 2 (KServe, Seldon, Triton): a tensor for each feature, as JSON or as bytes.

https://kserve.github.io/website/latest/modelserving/data_plane/v2_protocol/, with Triton's binary tensor extension.
"""

import struct
from collections.abc import Sequence
from itertools import chain
from math import isnan
from typing import Any

import msgspec
import numpy as np

from include.serving.handler import Answer
from include.serving.protocols import codec
from include.serving.protocols.codec import Ask, Reply
from ml.errors import QuestionError
from ml.scoring import request_schema
from ml.scoring.request_schema import Row

SCORE, HEADER = "score", "Inference-Header-Content-Length"
BINARY = "application/octet-stream"
_TYPES = {
    "BOOL": "?",
    **{f"{sign}INT{8 * size}": f"<{kind}{size}" for sign, kind in (("", "i"), ("U", "u")) for size in (1, 2, 4, 8)},
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
_TEXT = "BYTES"
_LENGTH = struct.Struct("<I")


class Tensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column: its cells under `data`, or among the bytes after the JSON."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: dict[str, Any] = {}


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tensor that the client wants back."""

    name: str
    parameters: dict[str, Any] = {}


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked; KServe's own client names the model here too."""

    inputs: list[Tensor]
    model_name: str | None = None
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[Wish] = []


def datatype(*, words: bool) -> str:
    """Return the datatype in which a feature is described to clients; others that hold the same value are read too."""
    return _TEXT if words else "FP64"


def read(ask: Ask) -> list[Row]:
    """Return the rows that the tensors make, each of shape [n] or [n, 1]; raises QuestionError."""
    codec.require(ask, codec.JSON, BINARY)
    told, rest = _parts(ask)
    if not told.inputs or any(wish.name != SCORE for wish in told.outputs):
        raise QuestionError(f"expected one input or more, and no output but {SCORE!r}")
    if told.model_name not in (None, ask.model):
        raise QuestionError(
            f"expected model_name to be {ask.model!r} as in the path, got {request_schema.shown(told.model_name)}"
        )
    columns: dict[str, list[object]] = {}
    for tensor in told.inputs:
        if tensor.name in columns:
            raise QuestionError(f"expected each tensor once, got {request_schema.shown(tensor.name)} twice")
        columns[tensor.name], rest = _column(tensor, rest)
    if rest:
        raise QuestionError(f"{len(rest)} bytes came after the last tensor: send as many as its binary_data_size says")
    if len({len(cells) for cells in columns.values()}) > 1:
        raise QuestionError("expected every tensor to have as many rows as the others")
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def write(ask: Ask, answers: Sequence[Answer]) -> Reply:
    """Return one tensor of scores, as bytes where the client asked for that."""
    told, _ = _parts(ask)
    scores = [each.score for each in answers]
    tensor: dict[str, Any] = {"name": SCORE, "datatype": "FP64", "shape": [len(scores)]}
    reply = {
        "model_name": ask.model,
        "model_version": ask.package,
        "id": told.id or ask.request,
        "outputs": [tensor],
    }
    if not _wants_bytes(told):
        tensor["data"] = scores
        return Reply(body=msgspec.json.encode(reply))
    raw = np.asarray(scores, "<f8").tobytes()
    tensor["parameters"] = {"binary_data_size": len(raw)}
    head = msgspec.json.encode(reply)
    return Reply(body=head + raw, content_type=BINARY, headers={HEADER: str(len(head))})


def _parts(ask: Ask) -> tuple[Body, bytes]:
    """Return what is asked, and the bytes of those tensors that are not JSON."""
    end = len(ask.body) if ask.json_bytes is None else ask.json_bytes
    if end > len(ask.body):
        raise QuestionError(f"{HEADER} says {end} bytes of JSON, but only {len(ask.body)} bytes came")
    return codec.decoded(ask.body[:end], Body), ask.body[end:]


def _column(tensor: Tensor, rest: bytes) -> tuple[list[object], bytes]:
    """Return the cells of one tensor, and the bytes after those that it took."""
    name, shape = tensor.name, tensor.shape
    if not shape or shape[0] < 1 or shape[1:] not in ([], [1]):
        raise QuestionError(f"{name}: expected a shape [n] or [n, 1] of one row or more, got {shape}")
    if tensor.datatype not in (*_TYPES, _TEXT):
        raise QuestionError(f"{name}: expected a datatype of {', '.join([*_TYPES, _TEXT])}, got {tensor.datatype!r}")
    size = tensor.parameters.get("binary_data_size")
    if size is None:
        cells = _flat(name, tensor.data)
    elif type(size) is int and 0 <= size <= len(rest):
        cells, rest = _unpacked(name, tensor.datatype, rest[:size]), rest[size:]
    else:
        raise QuestionError(
            f"{name}: binary_data_size says {request_schema.shown(size)}, but {len(rest)} bytes are left"
        )
    if len(cells) != shape[0]:
        raise QuestionError(f"{name}: expected {shape[0]} cells for the shape {shape}, got {len(cells)}")
    return cells, rest


def _flat(name: str, data: list[Any] | None) -> list[object]:
    if data is None:
        raise QuestionError(f"{name}: expected its cells under 'data'")
    return [*chain.from_iterable(each if isinstance(each, list) else [each] for each in data)]


def _unpacked(name: str, kind: str, raw: bytes) -> list[object]:
    if kind == _TEXT:
        return [*_texts(name, raw)]
    kept = np.dtype(_TYPES[kind])
    if len(raw) % kept.itemsize:
        raise QuestionError(f"{name}: expected cells of {kept.itemsize} bytes ({kind}), got {len(raw)} bytes in all")
    cells = np.frombuffer(raw, kept).tolist()
    return [None if isinstance(cell, float) and isnan(cell) else cell for cell in cells]


def _texts(name: str, raw: bytes) -> list[str]:
    """Return texts that each follow their length in bytes."""
    texts, place = [], 0
    while place < len(raw):
        end = place + _LENGTH.size
        size = _LENGTH.unpack_from(raw, place)[0] if end <= len(raw) else len(raw)
        if end + size > len(raw):
            raise QuestionError(f"{name}: expected texts that each follow their length (4 bytes), got a cut one")
        texts.append(_utf8(name, raw[end : end + size]))
        place = end + size
    return texts


def _utf8(name: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as fault:
        raise QuestionError(f"{name}: expected UTF-8, but: {fault}") from None


def _wants_bytes(told: Body) -> bool:
    wishes = (told.parameters, *(each.parameters for each in told.outputs))
    return any(each.get("binary_data_output") or each.get("binary_data") for each in wishes)
