"""The page of the ledger: every kind of entry, and the fields of its payload."""

import typing
from dataclasses import MISSING, fields, is_dataclass

from include.cli.docs import markdown, type_names
from ml.governance import ledger_entries


def page() -> str:
    """Return the page of the ledger's kinds."""
    sections = [_section(kind.value, ledger_entries.PAYLOADS[kind]) for kind in ledger_entries.EntryKind]
    parts = [_section(name, each) for name, each in sorted(_parts().items())]
    return markdown.page(
        "Kinds of ledger entries",
        markdown.paragraph(
            "Every kind of entry that the ledger may hold, in the order in which a night and a release have them, with"
            " the fields of its payload. Generated from `ml/governance/ledger_entries.py` by `make docs`. Every entry"
            " also has a number (`seq`), a time, a kind, a subject (a package's digest or a use case), a use case, a"
            " night, an idempotency key, and the hash of the entry before it. An optional field that is None is not stored."
        ),
        *sections,
        "## Parts of payloads",
        *(part.replace("## ", "### ", 1) for part in parts),
    )


def _section(name: str, payload: type) -> str:
    described = [_field(each, hints[each.name]) for hints in [_hints(payload)] for each in fields(payload)]
    return "\n\n".join([f"## {name}", markdown.docstring(payload.__doc__), markdown.items(described)])


def _hints(payload: type) -> dict[str, object]:
    return typing.get_type_hints(payload)


def _field(field: typing.Any, hint: object) -> str:
    optional = field.default is not MISSING or field.default_factory is not MISSING
    return f"`{field.name}`: {type_names.describe(hint)}{' (optional)' if optional else ''}"


def _parts() -> dict[str, type]:
    """Return the dataclasses that payloads contain, by name."""
    parts: dict[str, type] = {}
    waiting: list[type] = list(ledger_entries.PAYLOADS.values())
    while waiting:
        for hint in _hints(waiting.pop()).values():
            for each in type_names.leaves(hint):
                if isinstance(each, type) and is_dataclass(each) and each.__name__ not in parts:
                    parts[each.__name__] = each
                    waiting.append(each)
    return parts
