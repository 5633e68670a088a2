"""The columns that a table's contract declares, as far as the readers of its files must know them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import pandera.pandas as pa

from ml.usecase import CsvFormat, Table

_MAX_NAME_LENGTH, _MAX_NAMES = 80, 10


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredColumns:
    """The declared names, and those of them that may be empty; how CSV files are written, and what files call a column.

    A `strict` contract refuses other names. If the table has personal columns, it is `confidential`: a name that is not
    declared may be a personal value, as in a file without a header, and is never shown.
    """

    names: tuple[str, ...] = ()
    csv: CsvFormat = CsvFormat()
    renamed: Mapping[str, str] = field(default_factory=dict, hash=False)
    nullable: frozenset[str] = frozenset()
    strict: bool = True
    confidential: bool = False

    @classmethod
    def from_model(
        cls, model: type[pa.DataFrameModel], *, confidential: bool, table: Table | None = None
    ) -> "DeclaredColumns":
        """Return the columns of a pandera model, and of the declaration of its table."""
        schema = model.to_schema()
        return cls(
            names=tuple(schema.columns),
            nullable=frozenset(name for name, column in schema.columns.items() if column.nullable),
            strict=schema.strict is True,
            confidential=confidential,
            csv=table.csv if table else CsvFormat(),
            renamed=table.columns if table else {},
        )

    @property
    def as_written(self) -> "DeclaredColumns":
        """The same columns by the names that files have for them.

        >>> DeclaredColumns(names=("id", "churned"), renamed={"Churned?": "churned"}).as_written.names
        ('id', 'Churned?')
        """
        written = {declared: name for name, declared in self.renamed.items()}
        return replace(
            self,
            names=tuple(written.get(name, name) for name in self.names),
            nullable=frozenset(written.get(name, name) for name in self.nullable),
        )

    def show(self, name: str, position: int) -> str:
        """Return the name of the column at `position`, counted from 1, for a message.

        >>> people = DeclaredColumns(names=("name", "age"), confidential=True)
        >>> people.show("age", 2), people.show("Ann Smith", 1), DeclaredColumns().show("tip", 3)
        ("'age'", 'column 1', "'tip'")
        """
        return f"column {position}" if self.confidential and name not in self.names else repr(_shorten(name))


ANY_COLUMNS = DeclaredColumns()


def list_names(names: Collection[str], *, quoted: bool = True) -> str:
    """Return column names for a message, at most ten of them.

    >>> list_names(["a", "b"]), list_names(["a", "b"], quoted=False), list_names([])
    ("['a', 'b']", 'a, b', 'none')
    >>> list_names([str(n) for n in range(12)], quoted=False)
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 others'
    """
    shown, others = [_shorten(name) for name in list(names)[:_MAX_NAMES]], len(names) - _MAX_NAMES
    if not names:
        return "none"
    return (f"{shown}" if quoted else ", ".join(shown)) + (f" and {others:,} others" if others > 0 else "")


def _shorten(name: str) -> str:
    return name if len(name) <= _MAX_NAME_LENGTH else f"{name[:_MAX_NAME_LENGTH]}..."
