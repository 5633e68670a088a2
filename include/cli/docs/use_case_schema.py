"""A use case's declaration as JSON, and the JSON Schema (2020-12) of that JSON."""

import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from include.cli.docs import bounds, markdown, use_case_page
from ml.usecase import UseCase
from ml.usecase.declaration import Declaration

CLASS = "class"
_Schema = dict[str, Any]
_PLAIN: Mapping[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")


def schema() -> _Schema:
    """Return the schema. Each object names its class in the property `class`, which also parts alternatives."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A use case of Ratchet",
        "description": markdown.paragraph(UseCase.__doc__ or "").replace("\n", " "),
        "$ref": f"#/$defs/{UseCase.__name__}",
        "$defs": {each.__name__: _object(each) for each in sorted(use_case_page.classes(), key=lambda c: c.__name__)},
    }


def to_json(value: object) -> Any:
    """Return a declaration, or a value of one, as the JSON that the schema describes."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            CLASS: type(value).__name__,
            **{each.name: to_json(getattr(value, each.name)) for each in fields(value)},
        }
    if isinstance(value, tuple):
        return [to_json(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): to_json(each) for name, each in value.items()}
    return value.value if isinstance(value, Enum) else value


def _object(declaration: type[Declaration]) -> _Schema:
    read, hints = bounds.read(declaration), typing.get_type_hints(declaration)
    properties = {
        each.name: _property(hints[each.name], read.by_field.get(each.name, {})) for each in fields(declaration)
    }
    for each in fields(declaration):
        if each.default is not MISSING:
            properties[each.name]["default"] = to_json(each.default)
    return {
        "type": "object",
        "description": " ".join((declaration.__doc__ or "").split()),
        "properties": {CLASS: {"const": declaration.__name__}, **properties},
        "required": [CLASS, *(each.name for each in fields(declaration) if _is_required(each))],
        "additionalProperties": False,
    }


def _is_required(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _property(hint: object, keywords: Mapping[str, object]) -> _Schema:
    arguments = get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return {"anyOf": [_property(each, {} if each is NoneType else keywords) for each in arguments]}
    if get_origin(hint) is Literal:
        return {"enum": list(arguments)}
    if get_origin(hint) is tuple:
        return _array(arguments, keywords)
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": _property(arguments[1], {})}
    if is_dataclass(hint) and isinstance(hint, type):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    own = {name: keywords[name] for name in _BOUNDS if name in keywords}
    not_empty = {"minLength": 1} if hint is str and keywords.get("notEmpty") else {}
    return {"type": _PLAIN[hint], **own, **not_empty}


def _array(arguments: tuple[object, ...], keywords: Mapping[str, object]) -> _Schema:
    not_empty = {"minItems": 1} if keywords.get("notEmpty") else {}
    each = keywords.get("items")
    inner: Mapping[str, object] = each if isinstance(each, Mapping) else {}
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return {"type": "array", "items": _property(arguments[0], inner), **not_empty}
    count = len(arguments)
    items = [_property(argument, inner) for argument in arguments]
    return {"type": "array", "prefixItems": items, "minItems": count, "maxItems": count}
