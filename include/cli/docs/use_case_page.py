"""The page of the use case's declaration: every class of `ml.usecase` with types, defaults and bounds."""

import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass

from include.cli.docs import bounds, markdown, type_names
from ml import usecase


def page() -> str:
    """Return the page of the declaration."""
    return markdown.page(
        "The declaration of a use case",
        markdown.paragraph(
            "Every class that `usecase.py` may use, with the type, default and bounds of each field. Generated from"
            " `ml/usecase/` by `make docs`. A declaration that breaks a bound or a rule is refused when it is built."
            " [Your own data](../how-to/own-data.md) explains how to write one."
        ),
        markdown.paragraph(
            "[usecase.schema.json](usecase.schema.json) has the same as JSON Schema (2020-12). A use case is Python, and"
            " editors complete it from its types; the schema is for programs that generate or check declarations as"
            " JSON. It knows types and the bounds of single fields, not the rules about several fields."
        ),
        *(_section(each) for each in classes()),
    )


def classes() -> tuple[type, ...]:
    """Return the dataclasses of `ml.usecase`: `UseCase` first, the others by name."""
    dataclasses = [
        each for name in usecase.__all__ if is_dataclass(each := getattr(usecase, name)) and isinstance(each, type)
    ]
    return tuple(sorted(dataclasses, key=lambda each: (each is not usecase.UseCase, each.__name__)))


def _section(declaration: type) -> str:
    read, hints = bounds.read(declaration), typing.get_type_hints(declaration)
    described = [_field(each, hints[each.name], read.by_field.get(each.name, {})) for each in fields(declaration)]
    rules = ["Rules:", markdown.items(_sentence(rule) for rule in read.rules)] if read.rules else []
    doc = markdown.docstring(declaration.__doc__)
    return "\n\n".join([f"## {declaration.__name__}", doc, markdown.items(described), *rules])


def _field(field: "Field[typing.Any]", hint: object, keywords: Mapping[str, object]) -> str:
    facts = [type_names.describe(hint), bounds.describe(keywords), _default(field)]
    return f"`{field.name}`: {'; '.join(filter(None, facts))}"


def _default(field: "Field[typing.Any]") -> str:
    if field.default is MISSING:
        return "required"
    return f"default `{_literal(field.default)}`"


def _literal(value: object) -> str:
    """Return a value as a declaration spells it, without the fields that have their defaults."""
    if is_dataclass(value) and not isinstance(value, type):
        given = [
            (each.name, getattr(value, each.name))
            for each in fields(value)
            if getattr(value, each.name) != each.default
        ]
        return f"{type(value).__name__}({', '.join(f'{name}={_literal(each)}' for name, each in given)})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))}{',' * (len(value) == 1)})"
    return repr(value).replace("'", '"') if isinstance(value, str) else repr(value)


def _sentence(text: str) -> str:
    first = text.split(maxsplit=1)[0]
    return f"{text if '_' in first else text[0].upper() + text[1:]}".rstrip(".") + "."
