"""What lands: tables, their keys, and when each row became known."""

from dataclasses import dataclass

from ml.usecase.declaring import NAME, require


@dataclass(frozen=True, kw_only=True, slots=True)
class Delay:
    """A row becomes known `hours` after the instant in its column `after`."""

    after: str
    hours: float

    def __post_init__(self) -> None:
        require(self.hours >= 0, f"nothing is known before it happened: Delay(hours={self.hours}) must be 0 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One kind of file that lands: its pandera model, its key, and when each row happened and became known.

    `known_at=None` means known by the cutoff of the night it lands for. `derived` names functions in the use
    case's `features.py` whose results are stored with the valid rows. `night` names the date column that says
    which night a row belongs to; without it, a row belongs to the first night that could know it.
    """

    name: str
    schema: str
    key: tuple[str, ...]
    event_time: str | None = None
    known_at: str | Delay | None = None
    night: str | None = None
    derived: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(bool(NAME.fullmatch(self.name)), f"a table's name is lower_case, got {self.name!r}")
        require(bool(self.key), f"table {self.name!r} needs a key: the columns that tell its rows apart")
