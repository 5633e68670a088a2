"""The parts of a house, each as rows in the order of their keys, whatever it rests in: files, tables, MLflow."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from include.houses import House
from include.stores import approvals, envelopes, trees
from include.stores.registry import copies
from include.stores.warehouse import rows as whole
from include.stores.warehouse import tables
from ml.moving import Change, Key, Kind, Row

_APPENDED_TO = (tables.scores, tables.files, tables.ledger)
_SIGNING_KEYS = frozenset({approvals.KEY_FILE, envelopes.KEY_FILE})


class Part(Protocol):
    """Something that a house has, to be brought from one address to another."""

    @property
    def name(self) -> str:
        """What it is called in reports."""

    @property
    def addresses(self) -> tuple[str, str]:
        """Where it is, and where it goes, as a person may read it."""

    def here(self) -> Iterable[Row]:
        """Yield all that there is, in the order of the keys."""

    def there(self) -> Iterable[Row]:
        """Yield all that is at the target."""

    def arrived(self) -> Iterable[Row]:
        """Yield, of what is at the target, what should be as it is here."""

    def key(self, row: Row) -> Key:
        """Return what a row is known and ordered by."""

    def may_change(self, change: Change) -> bool:
        """Return whether this may part an earlier state of one house from a later one."""

    def bring(self, changes: Sequence[Change]) -> None:
        """Make the target follow; doing so twice is doing it once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """All files below an address, each with its SHA-256."""

    name: str
    source: str
    target: str
    takes: Callable[[str], bool] = bool
    alters: Callable[[Change], bool] = bool
    has_own: bool = False  # whether the target may have others beside

    @property
    def addresses(self) -> tuple[str, str]:
        return self.source, self.target

    def here(self) -> Iterator[Row]:
        return self._rows(self.source, self._names(self.source))

    def there(self) -> Iterator[Row]:
        return self.arrived() if self.has_own else self._rows(self.target, self._names(self.target))

    def arrived(self) -> Iterator[Row]:
        ours = set(self._names(self.source))
        return self._rows(self.target, [name for name in self._names(self.target) if name in ours])

    def key(self, row: Row) -> Key:
        return trees.order(str(row[0]))

    def may_change(self, change: Change) -> bool:
        return self.alters(change)

    def bring(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind is not Kind.GONE:
                trees.copy(self.source, self.target, str(change.row[0]), over=change.kind is Kind.CHANGED)

    def _names(self, address: str) -> list[str]:
        return sorted(filter(self.takes, trees.names(address)), key=trees.order)

    def _rows(self, address: str, names: Iterable[str]) -> Iterator[Row]:
        return ((name, trees.digest(address, name)) for name in names)


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """A table of the warehouse."""

    table: sa.Table
    source: str
    target: str

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def addresses(self) -> tuple[str, str]:
        shown = (sa.make_url(url).render_as_string(hide_password=True) for url in (self.source, self.target))
        return next(shown), next(shown)

    def here(self) -> Iterator[Row]:
        return whole.ordered(self.source, self.table)

    def there(self) -> Iterator[Row]:
        return whole.ordered(self.target, self.table)

    def arrived(self) -> Iterator[Row]:
        return self.there()

    def key(self, row: Row) -> Key:
        return row[: len(self.table.primary_key)]

    def may_change(self, change: Change) -> bool:
        return self.table not in _APPENDED_TO

    def bring(self, changes: Sequence[Change]) -> None:
        gone = [change.row for change in changes if change.kind is Kind.GONE]
        whole.put(self.target, self.table, [c.row for c in changes if c.kind is not Kind.GONE], gone)


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    """MLflow's runs, model versions and aliases."""

    source: House
    target: House
    name: str = "registry"

    @property
    def addresses(self) -> tuple[str, str]:
        shown = (_without_password(house.settings.mlflow_url) for house in (self.source, self.target))
        return next(shown), next(shown)

    def here(self) -> list[Row]:
        return copies.rows(self.source.settings)

    def there(self) -> list[Row]:
        return copies.rows(self.target.settings)

    def arrived(self) -> list[Row]:
        return self.there()

    def key(self, row: Row) -> Key:
        return row[:2]

    def may_change(self, change: Change) -> bool:
        return change.kind is Kind.CHANGED

    def bring(self, changes: Sequence[Change]) -> None:
        for change in changes:
            copies.bring(self.source.settings, self.target.settings, change.row)


def of(source: House, target: House, *, landing: bool, secrets: bool) -> tuple[Part, ...]:
    """Return the parts in the order in which they are brought: the ledger last, which says that all of it is so."""
    here, there = source.settings, target.settings

    def files(name: str, address: Callable[[House], str | Path], **more: object) -> Files:
        return Files(name=name, source=str(address(source)), target=str(address(target)), **more)  # type: ignore[arg-type]

    ours = [
        files("public keys", lambda house: house.settings.trusted_keys, has_own=True),
        files("lake", lambda house: house.settings.lake, alters=_alters_a_table),
        files("packages", lambda house: house.settings.packages, alters=_never),
        files("studies", lambda house: house.settings.studies),
        files("routes", lambda house: house.settings.routes),
        files("journal", lambda house: house.settings.journal),
    ]
    if landing:
        ours.insert(1, files("landing", lambda house: house.settings.landing))
    if secrets:
        held = files(
            "signing keys", lambda house: house.settings.secrets, takes=_SIGNING_KEYS.__contains__, alters=_never
        )
        ours.insert(1, held)
    kept = (table for table in tables.METADATA.sorted_tables if table is not tables.ledger)
    records = [
        Records(table=table, source=here.warehouse_url, target=there.warehouse_url) for table in (*kept, tables.ledger)
    ]
    return (*ours, Registry(source=source, target=target), *records)


def _never(_: Change) -> bool:
    return False


def _alters_a_table(change: Change) -> bool:
    """A vacuum removes files of rows, and readers are told of a newer checkpoint; a version stays what it was."""
    name = str(change.row[0])
    return not trees.is_log(name) and (change.kind is Kind.GONE or trees.is_hint(name))


def _without_password(url: str) -> str:
    return sa.make_url(url).render_as_string(hide_password=True)
