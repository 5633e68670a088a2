"""The parts of an installation as rows in key order, wherever they are stored: files, tables, MLflow."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from include.installation import Installation
from include.settings import Settings
from include.stores import approvals, warehouse
from include.stores.files import object_trees
from include.stores.registry import replication
from include.stores.signing import dsse
from include.stores.warehouse import rows as whole
from include.stores.warehouse import tables
from ml.governance.sync_diff import Change, ChangeKind, Key, Row

_APPENDED_TO = (tables.scores, tables.files, tables.ledger)
_SIGNING_FILES = dsse.KEY_FILES | {approvals.KEY_FILE}
_SIGNING_KEYS, _LANDING = "signing keys", "landing"


class MigrationPart(Protocol):
    """A part of an installation that can be copied from one address to another."""

    @property
    def name(self) -> str:
        """Its name in reports."""

    @property
    def addresses(self) -> tuple[str, str]:
        """Source and target address, without passwords."""

    def source_rows(self) -> Iterable[Row]:
        """Return all rows of the source, in key order."""

    def target_rows(self) -> Iterable[Row]:
        """Return all rows of the target, in key order."""

    def copied_rows(self) -> Iterable[Row]:
        """Return the rows of the target that should equal those of the source."""

    def key(self, row: Row) -> Key:
        """Return the key that identifies and sorts a row."""

    def may_change(self, change: Change) -> bool:
        """Return whether this change may occur between an earlier and a later state of one installation."""

    def apply_changes(self, changes: Sequence[Change]) -> None:
        """Apply the changes to the target; repeating this changes nothing more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileTree:
    """All files below an address, each with its SHA-256."""

    name: str
    source: str
    target: str
    may_alter: Callable[[Change], bool]
    includes: Callable[[str], bool] = bool  # every name
    allows_extra: bool = False  # whether the target may hold other files, too
    is_secret: bool = False

    @property
    def addresses(self) -> tuple[str, str]:
        return self.source, self.target

    def source_rows(self) -> Iterator[Row]:
        return self._rows(self.source, self._names(self.source))

    def target_rows(self) -> Iterator[Row]:
        return self.copied_rows() if self.allows_extra else self._rows(self.target, self._names(self.target))

    def copied_rows(self) -> Iterator[Row]:
        source_names = set(self._names(self.source))
        return self._rows(self.target, [name for name in self._names(self.target) if name in source_names])

    def key(self, row: Row) -> Key:
        return object_trees.sort_key(str(row[0]))

    def may_change(self, change: Change) -> bool:
        return self.may_alter(change)

    def apply_changes(self, changes: Sequence[Change]) -> None:
        if self.is_secret:
            Path(self.target).mkdir(parents=True, exist_ok=True, mode=0o700)
        for change in changes:
            if change.kind is not ChangeKind.REMOVED:
                object_trees.copy(
                    self.source, self.target, str(change.row[0]), overwrite=change.kind is ChangeKind.CHANGED
                )

    def _names(self, address: str) -> list[str]:
        return sorted(filter(self.includes, object_trees.names(address)), key=object_trees.sort_key)

    def _rows(self, address: str, names: Iterable[str]) -> Iterator[Row]:
        return ((name, object_trees.digest(address, name)) for name in names)


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRows:
    """A table of the warehouse."""

    table: sa.Table
    source: str
    target: str

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def addresses(self) -> tuple[str, str]:
        return warehouse.redact_url(self.source), warehouse.redact_url(self.target)

    def source_rows(self) -> Iterator[Row]:
        return whole.read_ordered(self.source, self.table)

    def target_rows(self) -> Iterator[Row]:
        return whole.read_ordered(self.target, self.table)

    def copied_rows(self) -> Iterator[Row]:
        return self.target_rows()

    def key(self, row: Row) -> Key:
        return row[: len(self.table.primary_key)]

    def may_change(self, change: Change) -> bool:
        if change.kind is ChangeKind.REMOVED:  # by a prune, which never removes entries of the ledger
            return self.table is not tables.ledger
        return self.table not in _APPENDED_TO

    def apply_changes(self, changes: Sequence[Change]) -> None:
        removed = [change.row for change in changes if change.kind is ChangeKind.REMOVED]
        whole.put(self.target, self.table, [c.row for c in changes if c.kind is not ChangeKind.REMOVED], removed)


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryPart:
    """MLflow's runs, model versions and aliases."""

    source: Installation
    target: Installation
    name: str = "registry"

    @property
    def addresses(self) -> tuple[str, str]:
        source_url, target_url = (installation.settings.mlflow_url for installation in (self.source, self.target))
        return warehouse.redact_url(source_url), warehouse.redact_url(target_url)

    def source_rows(self) -> list[Row]:
        return replication.rows(self.source.settings)

    def target_rows(self) -> list[Row]:
        return replication.rows(self.target.settings)

    def copied_rows(self) -> list[Row]:
        return self.target_rows()

    def key(self, row: Row) -> Key:
        return row[:2]

    def may_change(self, change: Change) -> bool:
        return change.kind is not ChangeKind.NEW

    def apply_changes(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind is ChangeKind.REMOVED:
                replication.remove(self.target.settings, change.row)
            else:
                replication.copy(self.source.settings, self.target.settings, change.row)


def all_parts(source: Installation, target: Installation, *, landing: bool, secrets: bool) -> tuple[MigrationPart, ...]:
    """Return the parts in the order of copying; the ledger comes last, because its entries refer to all the others."""
    trees_by_name = {each.name: each for each in _file_trees(source.settings, target.settings)}
    excluded = {name for name, wanted in ((_LANDING, landing), (_SIGNING_KEYS, secrets)) if not wanted}
    urls = source.settings.warehouse_url, target.settings.warehouse_url
    names = sorted(tables.METADATA.tables.values(), key=lambda table: (table is tables.ledger, table.name))
    return (
        *(each for name, each in trees_by_name.items() if name not in excluded),
        RegistryPart(source=source, target=target),
        *(TableRows(table=table, source=urls[0], target=urls[1]) for table in names),
    )


def _file_trees(source: Settings, target: Settings) -> Iterator[FileTree]:
    def tree(name: str, field: str, may_alter: Callable[[Change], bool] = _always, **options: Any) -> FileTree:
        addresses = str(getattr(source, field)), str(getattr(target, field))
        return FileTree(name=name, source=addresses[0], target=addresses[1], may_alter=may_alter, **options)

    yield tree("public keys", "trusted_keys", allows_extra=True)
    yield tree(_SIGNING_KEYS, "secrets", _never, includes=_SIGNING_FILES.__contains__, is_secret=True)
    yield tree(_LANDING, "landing")
    yield tree("lake", "lake", _is_vacuum_or_checkpoint)
    yield tree("packages", "packages", _is_removal)
    yield tree("studies", "studies")
    yield tree("routes", "routes")
    yield tree("prediction_log", "prediction_log")


def _always(_: Change) -> bool:
    return True


def _never(_: Change) -> bool:
    return False


def _is_removal(change: Change) -> bool:
    """Return whether the file was removed from the source, by a prune."""
    return change.kind is ChangeKind.REMOVED


def _is_vacuum_or_checkpoint(change: Change) -> bool:
    """Return whether the change is a pruned file or a new checkpoint hint; a table's log files never change."""
    name = str(change.row[0])
    return change.kind is ChangeKind.REMOVED or object_trees.is_hint(name)
