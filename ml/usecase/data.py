"""What lands: tables, their keys, and when each row became known."""

from dataclasses import dataclass
from typing import Literal, get_args

from ml.usecase.declaration import NAME, check, check_tuples

Destination = Literal["features", "logs", "reports"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Delay:
    """A row becomes known `hours` after the instant in its column `after`."""

    after: str
    hours: float

    def __post_init__(self) -> None:
        check(self.hours >= 0, f"nothing is known before it happened: Delay(hours={self.hours}) must be 0 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class Personal:
    """A column about a person, and where its values may go beside the tables themselves: nowhere by default."""

    column: str
    may_reach: tuple[Destination, ...] = ()
    why: str = ""

    def __post_init__(self) -> None:
        check_tuples(self)
        allowed = get_args(Destination)
        check(
            set(self.may_reach) <= set(allowed),
            f"the personal column {self.column!r} may reach some of {allowed}, got {self.may_reach}",
        )
        check(bool(self.why) or not self.may_reach, f"say why the personal column {self.column!r} may be used (why=)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """The values of `columns` must occur in the columns `to` (default: the same names) of the table `table`.

    Rows that are known by the night count. A row whose value does not occur is quarantined, or with `on_missing="warn"` only
    reported; a row without a value is not checked.
    """

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...] = ()
    on_missing: Literal["quarantine", "warn"] = "quarantine"

    def __post_init__(self) -> None:
        check_tuples(self)
        check(
            self.on_missing in ("quarantine", "warn"),
            f"Reference(on_missing=...) is 'quarantine' or 'warn', got {self.on_missing!r}",
        )
        check(
            bool(self.columns) and len(self.referenced_columns) == len(self.columns),
            f"a reference to {self.table!r} names as many columns here as there, got {self.columns} and {self.to}",
        )

    @property
    def referenced_columns(self) -> tuple[str, ...]:
        """The columns of the other table."""
        return self.to or self.columns


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One kind of file that lands: its pandera model, its key, and when each row happened and became known.

    `known_at=None` means known by the cutoff of the night it lands for. `derived` names functions in the use
    case's `features.py` whose results are stored with the valid rows. `night` names the date column that says
    which night a row belongs to; without it, a row belongs to the first night that could know it. The columns of the
    key are identifiers, those in `personal` are personal, all others plain. A derived column may be declared there too;
    if it is not, it may go where all of the personal columns that it is made of may go. `missing` are the texts that
    mean an empty cell. A table that is not `required` lands when there is something new; a night without the file of
    any other waits for it.
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
    required: bool = True
    personal: tuple[Personal, ...] = ()

    def __post_init__(self) -> None:
        check_tuples(self)
        check(bool(NAME.fullmatch(self.name)), f"a table's name is lower_case, got {self.name!r}")
        check(bool(self.key), f"table {self.name!r} needs a key: the columns that tell its rows apart")
