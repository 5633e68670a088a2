"""What the OpenAPI document says of each protocol: schemas and examples for the model that answers now."""

from collections.abc import Mapping
from typing import Any

from include.serving.protocols import DATAFRAMES, INSTANCES, NATIVE, TENSORS, tensors
from include.serving.protocols.codec import CSV, JSON
from ml.scoring.request_schema import ENTITY, Taken

Schema = dict[str, Any]

_ERRORS = {
    401: "the token is missing or another one",
    403: "control is switched off",
    404: "no such entity, model or version",
    408: "the request took too long to arrive",
    413: "the request is too large",
    415: "the body is in another format",
    422: "the body is no question that the model can answer; the error says what was expected",
    500: "the model gave no answer",
    503: "too many requests are waiting, or there is nothing to answer with yet: ask again later",
    504: "the answer took too long",
}
_NUMBERS: Schema = {"type": "array", "items": {"type": "number"}}
_ANSWERS: Mapping[str, Schema] = {
    NATIVE.name: {
        "type": "object",
        "required": ["request_id", "answers"],
        "properties": {
            "request_id": {"type": "string"},
            "answers": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": [ENTITY, "score", "package", "route"],
                    "properties": {
                        ENTITY: {"type": ["string", "null"]},
                        "score": {"type": "number"},
                        "package": {"type": "string"},
                        "route": {"enum": ["champion", "canary"]},
                    },
                },
            },
        },
    },
    DATAFRAMES.name: {"type": "object", "required": ["predictions"], "properties": {"predictions": _NUMBERS}},
    INSTANCES.name: {"type": "object", "required": ["predictions"], "properties": {"predictions": _NUMBERS}},
    TENSORS.name: {
        "type": "object",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "outputs": {"type": "array", "items": {"type": "object"}},
        },
    },
}


def responses(protocol: str) -> dict[int | str, Schema]:
    """Return what may come back by a protocol."""
    answer = {"description": "the answers", "content": {JSON: {"schema": _ANSWERS[protocol]}}}
    if protocol == DATAFRAMES.name:
        answer["content"][CSV] = {"schema": {"type": "string"}}  # type: ignore[index]
    if protocol == TENSORS.name:
        answer["content"][tensors.BINARY] = {"schema": {"type": "string", "format": "binary"}}  # type: ignore[index]
    return {200: answer, **errors(*(status for status in _ERRORS if status != 403))}


def errors(*statuses: int) -> dict[int | str, Schema]:
    """Return how failures of these statuses are told."""
    schema = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}, "request_id": {"type": "string"}},
    }
    return {each: {"description": _ERRORS[each], "content": {JSON: {"schema": schema}}} for each in statuses}


def body(protocol: str, taken: Taken, known: str | None) -> Schema:
    """Return the `requestBody` of a protocol for a model that takes these features; `known` is an entity to show."""
    rows = {"type": "array", "minItems": 1, "items": _row(taken)}
    lists = {"type": "array", "minItems": 1, "items": _cells(taken)}
    example = {name: "some text" if words else 0.0 for name, words in taken.words.items()}
    examples: dict[str, Any] = {"a row": {"value": _wrapped(protocol, taken, example)}}
    if known is not None and protocol != TENSORS.name:
        examples = {"an entity": {"value": _wrapped(protocol, taken, {ENTITY: known})}, **examples}
    schema = {
        NATIVE.name: _either(
            _object({"rows": rows}),
            _object({"entities": {"type": "array", "minItems": 1, "items": {"type": "string"}}}),
        ),
        INSTANCES.name: _object({"instances": {"oneOf": [rows, lists]}}),
        DATAFRAMES.name: _either(
            _object({"dataframe_records": rows}),
            _object({"dataframe_split": _split(taken)}),
            _object({"inputs": {"oneOf": [rows, lists]}}),
            _object({"instances": {"oneOf": [rows, lists]}}),
        ),
        TENSORS.name: _tensors(taken),
    }[protocol]
    content = {JSON: {"schema": schema, "examples": examples}}
    if protocol == DATAFRAMES.name:
        content[CSV] = {"schema": {"type": "string", "pattern": _lines(taken)}}
    return {"required": True, "content": content}


def signature(taken: Taken) -> Schema:
    """Return the tensors that a model takes and gives, as the Open Inference Protocol describes them."""
    return {
        "inputs": [
            {"name": name, "datatype": tensors.datatype(words=words), "shape": [-1]}
            for name, words in taken.words.items()
        ],
        "outputs": [{"name": tensors.SCORE, "datatype": "FP64", "shape": [-1]}],
    }


def _row(taken: Taken) -> Schema:
    """Return the schema of a row: all features, or an entity and those that are newer than what is known of it."""
    features = {name: _cell(words=words) for name, words in taken.words.items()}
    whole = {
        "type": "object",
        "required": list(taken.names),
        "properties": features,
        "additionalProperties": False,
    }
    named = {
        "type": "object",
        "required": [ENTITY],
        "properties": {ENTITY: {"type": "string"}, **features},
        "additionalProperties": False,
    }
    return {"anyOf": [whole, named]}


def _cell(*, words: bool) -> Schema:
    return {"type": ["string", "null"] if words else ["number", "boolean", "null"]}


def _cells(taken: Taken) -> Schema:
    """Return the schema of a row as a list of all features in order."""
    cells = [_cell(words=words) for words in taken.words.values()]
    return {"type": "array", "prefixItems": cells, "minItems": len(cells), "maxItems": len(cells)}


def _lines(taken: Taken) -> str:
    """Return the pattern of a CSV with a header; there are others, such as with quotes, that are read too."""
    cells = (r"[A-Za-z0-9 ]{0,20}" if words else r"(-?[0-9]{1,9}(\.[0-9]{1,6})?)?" for words in taken.words.values())
    return "^" + ",".join(taken.names) + r"\n(" + ",".join(cells) + r"\n){1,3}$"


def _split(taken: Taken) -> Schema:
    columns = {"const": list(taken.names)}
    return _object({"columns": columns, "data": {"type": "array", "minItems": 1, "items": _cells(taken)}})


def _tensors(taken: Taken) -> Schema:
    described = [
        {
            **_object(
                {
                    "name": {"const": name},
                    "shape": {"const": [1]},
                    "datatype": {"const": tensors.datatype(words=words)},
                    "data": {"type": "array", "minItems": 1, "maxItems": 1, "items": _cell(words=words)},
                }
            )
        }
        for name, words in taken.words.items()
    ]
    count = len(described)
    return _object({"inputs": {"type": "array", "prefixItems": described, "minItems": count, "maxItems": count}})


def _wrapped(protocol: str, taken: Taken, row: Mapping[str, object]) -> Schema:
    if protocol == TENSORS.name:
        return {
            "inputs": [
                {"name": name, "shape": [1], "datatype": tensors.datatype(words=taken.words[name]), "data": [value]}
                for name, value in row.items()
            ]
        }
    key = {NATIVE.name: "rows", INSTANCES.name: "instances", DATAFRAMES.name: "dataframe_records"}[protocol]
    return {key: [dict(row)]}


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _either(*schemas: Schema) -> Schema:
    return {"oneOf": list(schemas)}
