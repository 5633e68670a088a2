"""Schemas and examples of each protocol in the OpenAPI document, for the present champion."""

from collections.abc import Mapping, Sequence
from typing import Any

from include.serving import explanations
from include.serving.protocols import DATAFRAMES, EXPLAINED, INSTANCES, NATIVE, TENSORS, codec, tensors
from include.serving.protocols.codec import CSV, JSON
from ml.scoring.request_schema import ENTITY, RequestSchema

Schema = dict[str, Any]

_ERRORS = {
    401: "the token is missing or wrong",
    403: "control is switched off",
    404: "no such entity, model or version",
    408: "the request took too long to arrive",
    410: "the event of an entity has passed",
    413: "the request is too large",
    415: "the body is in another format, coding or charset",
    422: "the body is not a valid request; the error says what was expected",
    500: "the model gave no answer",
    503: "too many requests are waiting, or no model is loaded yet: try again later",
    504: "the answer took too long",
}
_TEXT_CELL: Schema = {"type": ["string", "null"], "pattern": "^[^\\u0000]*$"}
_NUMBERS: Schema = {"type": "array", "items": {"type": "number"}}
_SIZE: Schema = {"type": "integer", "minimum": 0, "maximum": explanations.MOST}
_EXPLAIN: Schema = {
    "description": "how many features to explain each score by; true is five, 0, false and null are none",
    "oneOf": [{"type": ["boolean", "null"]}, _SIZE],
}
QUERY_EXPLAIN: Schema = {
    "description": "how many features to explain each score by; true is five, 0 and false are none",
    "oneOf": [{"type": "boolean"}, _SIZE],
}
_ALWAYS_EXPLAIN: Schema = {
    "description": "how many features to explain each score by; true is five",
    "oneOf": [{"const": True}, {**_SIZE, "minimum": 1}],
}
HORIZON: Schema = {
    "type": "string",
    "description": "the horizon whose model is to answer, if it can, and whose features rows then have; without it, the "
    "latest that an entity has reached",
}
EXPLANATION: Schema = {
    "type": "object",
    "required": ["raw", "calibration"],
    "properties": {
        "raw": {"type": "number", "description": "base_value + all contributions + rest"},
        "base_value": {"type": "number", "description": "the raw score without any feature"},
        "contributions": {
            "type": "array",
            "description": "the features that moved the score most, largest first",
            "items": {
                "type": "object",
                "required": ["feature", "contribution"],
                "properties": {
                    "feature": {"type": "string", "description": "the name of the feature"},
                    "contribution": {"type": "number", "description": "what the feature adds to the raw score"},
                    "value": {
                        "type": ["number", "string", "null"],
                        "description": "its value in this row; absent if it may not be shown",
                    },
                },
            },
        },
        "rest": {"type": "number", "description": "the sum of all other contributions"},
        "calibration": {
            "type": "object",
            "description": "score = 1 / (1 + exp(-(slope x raw + offset))), or slope x raw + offset from low to high",
            "required": ["link", "slope", "offset"],
            "properties": {
                "link": {"enum": ["logistic", "clipped"]},
                **{name: {"type": "number"} for name in ("slope", "offset", "low", "high")},
            },
        },
        "unavailable": {"type": "string", "description": "why the model has no contributions, which are then absent"},
    },
}
_PREDICTIONS: Schema = {
    "type": "array",
    "items": {
        "oneOf": [
            {"type": "number"},
            {
                "type": "object",
                "required": ["score", "explanation"],
                "properties": {"score": {"type": "number"}, "explanation": EXPLANATION},
            },
        ]
    },
}
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
                        "explanation": EXPLANATION,
                        "horizon": {"type": "string", "description": "the horizon of the model that answered"},
                        "horizon_reason": {"type": "string", "description": "why no live model answered"},
                    },
                },
            },
        },
    },
    DATAFRAMES.name: {"type": "object", "required": ["predictions"], "properties": {"predictions": _PREDICTIONS}},
    INSTANCES.name: {"type": "object", "required": ["predictions"], "properties": {"predictions": _PREDICTIONS}},
    EXPLAINED.name: {
        "type": "object",
        "required": ["predictions", "explanations"],
        "properties": {"predictions": _NUMBERS, "explanations": {"type": "array", "items": EXPLANATION}},
    },
    TENSORS.name: {
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string", "description": "the package that answered, if one did for all rows"},
            "id": {"type": "string"},
            "parameters": {"type": "object", "properties": {"horizon": {"type": "string"}}},
            "outputs": {"type": "array", "items": {"type": "object"}},
        },
    },
}


def responses(protocol: str) -> dict[int | str, Schema]:
    """Return the responses of a protocol by status."""
    answer = {"description": "the answers", "content": {JSON: {"schema": _ANSWERS[protocol]}}}
    if protocol == DATAFRAMES.name:
        answer["content"][CSV] = {"schema": {"type": "string"}}  # type: ignore[index]
    if protocol == TENSORS.name:
        answer["content"][tensors.BINARY] = {"schema": {"type": "string", "format": "binary"}}  # type: ignore[index]
    return {200: answer, **errors(*(status for status in _ERRORS if status != 403))}


def errors(*statuses: int) -> dict[int | str, Schema]:
    """Return the error responses of these statuses."""
    schema = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}, "request_id": {"type": "string"}},
    }
    return {each: {"description": _ERRORS[each], "content": {JSON: {"schema": schema}}} for each in statuses}


def body(
    protocol: str, input_schema: RequestSchema, example_entity: str | None, horizons: Sequence[str] = ()
) -> Schema:
    """Return the request body of a protocol for a model with these features, with `example_entity` as an example.

    It may name one of `horizons`.
    """
    rows = {"type": "array", "minItems": 1, "items": _row(input_schema)}
    lists = {"type": "array", "minItems": 1, "items": _cells(input_schema)}
    horizon = {codec.HORIZON: _one_of({"type": "null"}, _horizon(horizons))}
    options = {explanations.NAME: _EXPLAIN, **horizon}
    option = _one_of(_object({}, options), {"type": "null"})
    size = _one_of(
        _object({}, {explanations.NAME: _one_of({"const": None}, _ALWAYS_EXPLAIN), **horizon}), {"type": "null"}
    )
    example = {name: "some text" if is_text else 0.0 for name, is_text in input_schema.is_text.items()}
    examples: dict[str, Any] = {"a row": {"value": _wrap_row(protocol, input_schema, example)}}
    if example_entity is not None and protocol != TENSORS.name:
        examples = {"an entity": {"value": _wrap_row(protocol, input_schema, {ENTITY: example_entity})}, **examples}
    schema = {
        NATIVE.name: _one_of(
            _object({"rows": rows}, options),
            _object({"entities": {"type": "array", "minItems": 1, "items": {"type": "string"}}}, options),
        ),
        INSTANCES.name: _object({"instances": {"oneOf": [rows, lists]}}, {"parameters": option}),
        EXPLAINED.name: _object({"instances": {"oneOf": [rows, lists]}}, {"parameters": size}),
        DATAFRAMES.name: _one_of(
            _object({"dataframe_records": rows}, {"params": option}),
            _object({"dataframe_split": _split(input_schema)}, {"params": option}),
            _object({"inputs": {"oneOf": [rows, lists]}}, {"params": option}),
            _object({"instances": {"oneOf": [rows, lists]}}, {"params": option}),
        ),
        TENSORS.name: _tensors(input_schema, options),
    }[protocol]
    content = {JSON: {"schema": schema, "examples": examples}}
    if protocol == DATAFRAMES.name:
        content[CSV] = {"schema": {"type": "string", "pattern": _csv_pattern(input_schema)}}
    return {"required": True, "content": content}


def query_parameters(protocol: str, horizons: Sequence[str]) -> list[Schema]:
    """Return the parameters that a scoring route of a protocol has in its query; it may name one of `horizons`."""
    schemas = {
        explanations.NAME: _ALWAYS_EXPLAIN if protocol == EXPLAINED.name else QUERY_EXPLAIN,
        codec.HORIZON: _horizon(horizons),
    }
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in schemas.items()]


def signature(input_schema: RequestSchema) -> Schema:
    """Return the input and output tensors of a model, as the Open Inference Protocol describes them."""
    return {
        "inputs": [
            {"name": name, "datatype": tensors.datatype(is_text=is_text), "shape": [-1]}
            for name, is_text in input_schema.is_text.items()
        ],
        "outputs": [{"name": tensors.SCORE, "datatype": "FP64", "shape": [-1]}],
    }


def _horizon(names: Sequence[str]) -> Schema:
    return HORIZON | ({"enum": list(names)} if names else {})


def _row(input_schema: RequestSchema) -> Schema:
    """Return the schema of a row: all features, or an entity and features that override those of the snapshot."""
    features = {name: _cell(is_text=is_text) for name, is_text in input_schema.is_text.items()}
    complete_row = {
        "type": "object",
        "required": list(input_schema.names),
        "properties": features,
        "additionalProperties": False,
    }
    entity_row = {
        "type": "object",
        "required": [ENTITY],
        "properties": {ENTITY: {"type": "string"}, **features},
        "additionalProperties": False,
    }
    return {"anyOf": [complete_row, entity_row]}


def _cell(*, is_text: bool) -> Schema:
    return _TEXT_CELL if is_text else {"type": ["number", "boolean", "null"]}


def _tensor_cell(*, is_text: bool) -> Schema:
    """Return the schema of a cell of the datatype that `tensors.datatype` describes; true and false are of BOOL."""
    return _TEXT_CELL if is_text else {"type": ["number", "null"]}


def _cells(input_schema: RequestSchema) -> Schema:
    """Return the schema of a row as a list of all features in order."""
    cells = [_cell(is_text=is_text) for is_text in input_schema.is_text.values()]
    return {"type": "array", "prefixItems": cells, "minItems": len(cells), "maxItems": len(cells)}


def _csv_pattern(input_schema: RequestSchema) -> str:
    """Return a pattern of CSV with a header. The server also reads CSV that it does not match, such as with quotes."""
    cells = (
        r"[A-Za-z0-9 ]{0,20}" if is_text else r"(-?[0-9]{1,9}(\.[0-9]{1,6})?)?"
        for is_text in input_schema.is_text.values()
    )
    return "^" + ",".join(input_schema.names) + r"\n(" + ",".join(cells) + r"\n){1,3}$"


def _split(input_schema: RequestSchema) -> Schema:
    columns = {"const": list(input_schema.names)}
    return _object({"columns": columns, "data": {"type": "array", "minItems": 1, "items": _cells(input_schema)}})


def _tensors(input_schema: RequestSchema, options: Schema) -> Schema:
    described = [
        {
            **_object(
                {
                    "name": {"const": name},
                    "shape": {"const": [1]},
                    "datatype": {"const": tensors.datatype(is_text=is_text)},
                    "data": {"type": "array", "minItems": 1, "maxItems": 1, "items": _tensor_cell(is_text=is_text)},
                }
            )
        }
        for name, is_text in input_schema.is_text.items()
    ]
    count = len(described)
    return _object(
        {"inputs": {"type": "array", "prefixItems": described, "minItems": count, "maxItems": count}},
        {"parameters": {"type": "object", "properties": options}},
    )


def _wrap_row(protocol: str, input_schema: RequestSchema, row: Mapping[str, object]) -> Schema:
    if protocol == TENSORS.name:
        return {
            "inputs": [
                {
                    "name": name,
                    "shape": [1],
                    "datatype": tensors.datatype(is_text=input_schema.is_text[name]),
                    "data": [value],
                }
                for name, value in row.items()
            ]
        }
    key = {NATIVE.name: "rows", DATAFRAMES.name: "dataframe_records"}.get(protocol, "instances")
    return {key: [dict(row)]}


def _object(properties: Schema, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "required": list(properties),
        "properties": {**properties, **(optional or {})},
        "additionalProperties": False,
    }


def _one_of(*schemas: Schema) -> Schema:
    return {"oneOf": list(schemas)}
