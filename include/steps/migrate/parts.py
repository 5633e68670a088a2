"""The parts of a house, each as rows in the order of their keys, whatever it rests in: files, tables, MLflow."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from include.installation import House
from include.settings import Settings
from include.stores import approvals, warehouse
from include.stores.files import object_trees
from include.stores.registry import replication
from include.stores.signing import dsse
from include.stores.warehouse import rows as whole
from include.stores.warehouse import tables
from ml.sync_diff import Change, Key, Kind, Row

_APPENDED_TO = (tables.scores, tables.files, tables.ledger)
_SIGNING_FILES = dsse.KEY_FILES | {approvals.KEY_FILE}
_SIGNING_KEYS, _LANDING = "signing keys", "landing"


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
    alters: Callable[[Change], bool]
    takes: Callable[[str], bool] = bool  # any name is true
    has_own: bool = False  # whether the target may have others beside
    is_secret: bool = False

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
        return object_trees.order(str(row[0]))

    def may_change(self, change: Change) -> bool:
        return self.alters(change)

    def bring(self, changes: Sequence[Change]) -> None:
        if self.is_secret:
            Path(self.target).mkdir(parents=True, exist_ok=True, mode=0o700)
        for change in changes:
            if change.kind is not Kind.GONE:
                object_trees.copy(self.source, self.target, str(change.row[0]), over=change.kind is Kind.CHANGED)

    def _names(self, address: str) -> list[str]:
        return sorted(filter(self.takes, object_trees.names(address)), key=object_trees.order)

    def _rows(self, address: str, names: Iterable[str]) -> Iterator[Row]:
        return ((name, object_trees.digest(address, name)) for name in names)


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
        return warehouse.shown(self.source), warehouse.shown(self.target)

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
        here, there = (house.settings.mlflow_url for house in (self.source, self.target))
        return warehouse.shown(here), warehouse.shown(there)

    def here(self) -> list[Row]:
        return replication.rows(self.source.settings)

    def there(self) -> list[Row]:
        return replication.rows(self.target.settings)

    def arrived(self) -> list[Row]:
        return self.there()

    def key(self, row: Row) -> Key:
        return row[:2]

    def may_change(self, change: Change) -> bool:
        return change.kind is Kind.CHANGED

    def bring(self, changes: Sequence[Change]) -> None:
        for change in changes:
            replication.bring(self.source.settings, self.target.settings, change.row)


def of(source: House, target: House, *, landing: bool, secrets: bool) -> tuple[Part, ...]:
    """Return the parts in the order in which they are brought: the ledger last, which says that all of it is so."""
    every = {each.name: each for each in _files(source.settings, target.settings)}
    left = {name for name, wanted in ((_LANDING, landing), (_SIGNING_KEYS, secrets)) if not wanted}
    urls = source.settings.warehouse_url, target.settings.warehouse_url
    names = sorted(tables.METADATA.tables.values(), key=lambda table: (table is tables.ledger, table.name))
    return (
        *(each for name, each in every.items() if name not in left),
        Registry(source=source, target=target),
        *(Records(table=table, source=urls[0], target=urls[1]) for table in names),
    )


def _files(here: Settings, there: Settings) -> Iterator[Files]:
    def files(name: str, field: str, alters: Callable[[Change], bool] = _always, **more: Any) -> Files:
        addresses = str(getattr(here, field)), str(getattr(there, field))
        return Files(name=name, source=addresses[0], target=addresses[1], alters=alters, **more)

    yield files("public keys", "trusted_keys", has_own=True)
    yield files(_SIGNING_KEYS, "secrets", _never, takes=_SIGNING_FILES.__contains__, is_secret=True)
    yield files(_LANDING, "landing")
    yield files("lake", "lake", _alters_a_table)
    yield files("packages", "packages", _never)
    yield files("studies", "studies")
    yield files("routes", "routes")
    yield files("journal", "journal")


def _always(_: Change) -> bool:
    return True


def _never(_: Change) -> bool:
    return False


def _alters_a_table(change: Change) -> bool:
    """A vacuum removes files of rows, and readers are told of a newer checkpoint; a version stays what it was."""
    name = str(change.row[0])
    return not object_trees.is_log(name) and (change.kind is Kind.GONE or object_trees.is_hint(name))
