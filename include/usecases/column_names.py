"""Check the names of a table's columns: none is overwritten by the platform, and no two are one name in the lake."""

from collections.abc import Collection, Iterable

from ml.features.build import ENTITY
from ml.ingestion.availability import KNOWN_AT, NIGHT
from ml.ingestion.intake import REASONS
from ml.usecase import Table, safe_names

# What the platform writes into each table's rows under these names.
_WRITTEN = {
    NIGHT: "the night that a row belongs to",
    KNOWN_AT: "the instant at which a row became known",
    REASONS: "the reasons why a row is quarantined",
    ENTITY: "the id of a row's entity",
}


def faults(table: Table, columns: Collection[str], entity_key: Collection[str]) -> list[str]:
    """Return a fault for each of the `columns` of the contract, and each derived column, whose name cannot be kept.

    A column `known_at` is allowed if it is the table's own: the platform then writes the same instants. A column
    `entity` is allowed in a table without the entity key, whose rows get no id.
    """
    return [
        *_reserved_faults(table, columns, entity_key),
        *(
            f"the columns {one!r} and {other!r} of table {table.name!r} have the same name as identifiers, "
            f"{safe_names.safe_name(one)!r}: give one another name in the files and in the contract"
            for one, other in safe_names.collisions(sorted(columns))
        ),
        *_case_faults(table, columns),
        *(
            f"table {table.name!r} derives {name!r}, which is a column of its schema and would be overwritten: give "
            "the function another name"
            for name in table.derived
            if name in columns
        ),
    ]


def _reserved_faults(table: Table, columns: Iterable[str], entity_key: Collection[str]) -> list[str]:
    written = {name: text for name, text in _WRITTEN.items() if name != ENTITY or set(entity_key) <= set(columns)}
    return [
        f"table {table.name!r} has a column {name!r}, but Ratchet writes {written[name.lower()]} under that name: give "
        "it another name" + ("" if name in table.derived else " in the files and in the contract")
        for name in (*sorted(columns), *table.derived)
        if name.lower() in written and (name in table.derived or not name == KNOWN_AT == table.known_at)
    ]


def _case_faults(table: Table, columns: Iterable[str]) -> list[str]:
    return [
        f"the columns {one!r} and {other!r} of table {table.name!r} differ only in upper and lower case, which the lake "
        "does not tell apart: give one another name"
        for one, other in safe_names.case_collisions((*sorted(columns), *table.derived))
    ]
