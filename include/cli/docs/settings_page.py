"""The page of the settings: every environment variable, with its meaning from `.env.example` and its default."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from include.cli.docs import markdown
from include.serving.config import ServingConfig
from include.settings import PROJECT, Settings, read_settings

_VARIABLE = re.compile(r"#?([A-Z][A-Z0-9_]+)=(.*)")
_COMPOSE_DEFAULT = re.compile(r"\$\{([A-Z0-9_]+):-([^}]*)\}")
_HEADING, _CORES = "## ", "the number of cores"


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """A variable of `.env.example`: the section that it is in, its example, and the comment above it."""

    section: str
    name: str
    example: str
    meaning: str


def page(example_file: str, compose_file: str) -> str:
    """Return the page of the variables in an `.env.example`; `compose_file` has the defaults of the stack."""
    known = dict(_COMPOSE_DEFAULT.findall(compose_file)) | defaults()
    parts: list[str] = []
    section = ""
    for each in read(example_file):
        if each.section != section:
            section = each.section
            parts.append(f"## {section}")
        parts.append(_entry(each, known))
    return markdown.page(
        "Settings",
        markdown.paragraph(
            "Every environment variable that Ratchet reads, with its meaning and default. Generated from `.env.example`"
            " and the code by `make docs`. The environment says where things are; what a model is stands in its use case."
        ),
        markdown.paragraph(
            "The value of any setting may stand in a file instead, which the variable's name with `_FILE` names:"
            " `RATCHET_WAREHOUSE_URL_FILE=/run/secrets/warehouse`. A folder may begin with `~`. An empty value is no folder."
        ),
        _joined(parts),
    )


def read(example_file: str) -> Iterator[Variable]:
    """Yield the variables of an `.env.example`. Lines of a comment above a variable are its meaning."""
    section, comment = "", list[str]()
    for line in example_file.splitlines():
        if line.startswith(f"# {_HEADING}"):
            section, comment = line.removeprefix(f"# {_HEADING}"), []
        elif match := _VARIABLE.fullmatch(line):
            yield Variable(section=section, name=match[1], example=match[2], meaning=" ".join(comment))
            comment = []
        elif line.startswith("# "):
            comment.append(line.removeprefix("# "))
        else:
            comment = []


def defaults() -> dict[str, str]:
    """Return the default of each variable of the settings and of the model server."""
    settings = read_settings({})
    served = {f"RATCHET_SERVING_{each.name.upper()}": _text(each.default) for each in fields(ServingConfig)}
    own = {f"RATCHET_{each.name.upper()}": _text(getattr(settings, each.name)) for each in fields(Settings)}
    return served | own | {"RATCHET_THREADS": _CORES}


def _entry(variable: Variable, known: Mapping[str, str]) -> str:
    default = known.get(variable.name)
    facts = [_default(default)] if default is not None else []
    if variable.example and (default is None or (variable.example != default and "://" in variable.example)):
        facts.append(f"for example `{variable.example}`")
    return markdown.item(f"`{variable.name}` ({'; '.join(facts) or 'empty by default'}): {variable.meaning}")


def _default(value: str) -> str:
    if not value:
        return "empty by default"
    return f"default: {_CORES}" if value == _CORES else f"default `{value}`"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value).replace(f"{PROJECT}/", "") if isinstance(value, Path | str) else f"{value:g}"


def _joined(parts: list[str]) -> str:
    """Return headings and items; items of a section follow each other without a blank line."""
    text = "\n".join(f"\n{part}\n" if part.startswith(_HEADING) else part for part in parts)
    return text.strip()
