"""Declarations of the input data: tables, keys, references, personal columns, and when each row became known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ml.usecase.csv_format import CsvFormat
from ml.usecase.declaration import NAME, check, check_hours, check_types, check_unique

Destination = Literal["features", "logs", "reports"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Delay:
    """A row becomes known `hours` after the instant in its column `after`."""

    after: str
    hours: float

    def __post_init__(self) -> None:
        check_types(self)
        check(self.hours >= 0, f"no row is known before its event: Delay(hours={self.hours}) must be 0 or more")
        check_hours("Delay(hours=...)", self.hours)


@dataclass(frozen=True, kw_only=True, slots=True)
class Personal:
    """A personal column, and the destinations that its values may reach besides the tables: none by default."""

    column: str
    may_reach: tuple[Destination, ...] = ()
    why: str = ""

    def __post_init__(self) -> None:
        check_types(self)
        check(bool(self.why) or not self.may_reach, f"say why the personal column {self.column!r} may be used (why=)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """The values of `columns` must occur in the columns `to` (default: the same names) of the table `table`.

    The rows of `table` up to the night are considered. A row whose value does not occur is quarantined, or only
    reported with `on_missing="warn"`. A row without a value is not checked.
    """

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...] = ()
    on_missing: Literal["quarantine", "warn"] = "quarantine"

    def __post_init__(self) -> None:
        check_types(self)
        check(
            bool(self.columns) and len(self.referenced_columns) == len(self.columns),
            f"a reference to {self.table!r} has as many columns as it refers to, got {self.columns} and {self.to}",
        )

    @property
    def referenced_columns(self) -> tuple[str, ...]:
        """The columns of the table that is referred to."""
        return self.to or self.columns


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One table of input data: its pandera model, its key, and the time at which each row happened and became known.

    `event_time` and `known_at` are columns; `known_at=None` means that rows are known at the cutoff of the night for
    which they land. `night` is the date column with the night of a row; without it, a row belongs to the first night at
    whose cutoff it is known. `derived` names functions in the use case's `features.py` whose results are stored with
    the valid rows.

    The columns of the key are identifiers, those in `personal` are personal, all others are plain. A derived column may
    also be declared in `personal`; otherwise it may reach the destinations that all its personal inputs may reach.

    `missing` has the texts that stand for an empty cell. `never` has the texts that stand for "never" in columns of
    instants and dates, such as `never=("9999-12-31", "infinity")`: a row whose `known_at` is never is not known before
    any cutoff, and is quarantined like a row that is known only later; in another column that may be empty, the cell is
    stored as missing. A far instant that is not declared is an instant like any other, or refused if the type of the
    column cannot store it.

    `csv` says how CSV files are written, where this is not the default. `columns` has the declared name of each column
    that the files call otherwise: `columns={"Churned?": "churned"}`.

    A night waits for the files of `required` tables. The file of
    any other table lands only when there are new rows.
    """

    name: str
    schema: str
    key: tuple[str, ...]
    event_time: str | None = None
    known_at: str | Delay | None = None
    night: str | None = None
    derived: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    missing: tuple[str, ...] = ("",)
    never: tuple[str, ...] = ()
    csv: CsvFormat = CsvFormat()
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)
    required: bool = True
    personal: tuple[Personal, ...] = ()

    def __post_init__(self) -> None:
        check_types(self)
        check(bool(NAME.fullmatch(self.name)), f"a table's name is lower_case, got {self.name!r}")
        check(bool(self.key), f"table {self.name!r} needs a key: the columns that identify its rows")
        check_unique(f"the columns of the key of {self.name!r}", self.key)
        check_unique(f"the derived columns of {self.name!r}", self.derived)
        check_unique(f"the declared names in columns= of {self.name!r}", self.columns.values())
        for text in self.never:
            check(
                text not in self.missing and text == text.strip() != "",
                f"table {self.name!r} declares never={self.never}: each is a text without white space around it that is "
                f"not in missing=, got {text!r}",
            )
