"""Migration: copy all data of an installation to other addresses, resumably, and verify the copy against the source.

The source is never changed. The target must be empty, or an earlier state of the same installation.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import sqlalchemy as sa

from include.installation import Installation
from include.steps.migrate import activity, parts
from include.steps.migrate.parts import MigrationPart
from include.stores import ledger, packages, registry, warehouse
from ml.errors import DataError, LedgerError, RequestError, SetupError
from ml.governance import sync_diff
from ml.governance.hash_chain import GENESIS
from ml.governance.sync_diff import Change, ChangeKind, TableDigest

__all__ = ["Migration", "PartComparison", "PartPlan", "check_idle", "create"]

_CHUNK_ROWS = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PartPlan:
    """What a migration would copy of one part: the numbers of rows or files that are new, changed or removed."""

    part: MigrationPart
    new: int
    changed: int
    removed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PartComparison:
    """One part after it was copied: the digests of the source and of the target."""

    part: MigrationPart
    source: TableDigest
    target: TableDigest

    @property
    def is_equal(self) -> bool:
        return self.source == self.target


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """A migration between two installations: the parts that change address, and the names of those that do not."""

    source: Installation
    target: Installation
    parts: tuple[MigrationPart, ...]
    unchanged: tuple[str, ...]

    def plan(self) -> tuple[PartPlan, ...]:
        """Return what would be copied; writes nothing.

        Raises LedgerError when a hash chain is broken, and DataError when the target holds other data.
        """
        earlier = self._target_is_earlier()
        return tuple(_plan_part(part, earlier=earlier) for part in self.parts)

    def run(self) -> Iterator[tuple[MigrationPart, int]]:
        """Copy what differs, chunk by chunk, and yield each part with the size of the chunk.

        An interrupted run continues when run again. Raises as `plan` does.
        """
        earlier = self._target_is_earlier()
        warehouse.migrate(self.target.settings.warehouse_url)
        registry.prepare(self.target.settings)
        for part in self.parts:
            with _naming_part(part):
                for chunk in _chunks(_changes(part, earlier=earlier)):
                    part.apply_changes(chunk)
                    yield part, len(chunk)

    def verify(self) -> tuple[PartComparison, ...]:
        """Return the comparison of each part, read again from source and target.

        Raises LedgerError when the target's hash chain is broken or does not contain the end of the source's, and
        PackageError when a package at the target is damaged or not signed by a key that is trusted there.
        """
        comparisons = tuple(map(_compare_part, self.parts))
        _verify_chain(self.target, _verify_chain(self.source))
        settings = self.target.settings
        for digest in packages.stored(settings.packages):
            packages.get(settings.packages, digest, settings.trusted_keys)
        return comparisons

    def _target_is_earlier(self) -> bool:
        """Return whether the target's ledger is a prefix of the source's; raises DataError when it is another one."""
        _verify_chain(self.source)
        source_url, target_url = self.source.settings.warehouse_url, self.target.settings.warehouse_url
        if (
            source_url == target_url
            or not warehouse.exists(target_url)
            or (head := _verify_chain(self.target)) == GENESIS
        ):
            return False
        try:
            _verify_chain(self.source, head)
        except LedgerError:
            raise DataError(
                f"the target holds something else already: its ledger ends with {head[:12]}, which is not in the "
                "source's ledger. Choose addresses that are empty"
            ) from None
        return True


def create(source: Installation, target: Installation, *, landing: bool = True, secrets: bool = False) -> Migration:
    """Return the migration between two installations; raises RequestError when all of their addresses are the same."""
    all_parts = parts.all_parts(source, target, landing=landing, secrets=secrets)
    migrated = tuple(part for part in all_parts if part.addresses[0] != part.addresses[1])
    if not migrated:
        raise RequestError("expected another installation, but all of its addresses are those of this one")
    unchanged = tuple(part.name for part in all_parts if part not in migrated)
    return Migration(source=source, target=target, parts=migrated, unchanged=unchanged)


def check_idle(migration: Migration, now: datetime) -> None:
    """Raise SetupError when anything that may write is running at either end."""
    for installation in (migration.source, migration.target):
        activity.check_idle(installation, now)


def _changes(part: MigrationPart, *, earlier: bool) -> Iterator[Change]:
    changes = sync_diff.differences(part.source_rows(), part.target_rows(), part.key)
    return sync_diff.require_overwritable(changes, part.name, target_is_earlier=earlier, may_change=part.may_change)


def _plan_part(part: MigrationPart, *, earlier: bool) -> PartPlan:
    with _naming_part(part):
        kinds = Counter(change.kind for change in _changes(part, earlier=earlier))
    return PartPlan(
        part=part, new=kinds[ChangeKind.NEW], changed=kinds[ChangeKind.CHANGED], removed=kinds[ChangeKind.REMOVED]
    )


def _compare_part(part: MigrationPart) -> PartComparison:
    with _naming_part(part):
        return PartComparison(
            part=part,
            source=sync_diff.table_digest(part.source_rows()),
            target=sync_diff.table_digest(part.copied_rows()),
        )


def _verify_chain(installation: Installation, remembered: str = GENESIS) -> str:
    """Return the last digest of an installation's ledger; raises LedgerError, with the address, when it is broken."""
    url = installation.settings.warehouse_url
    try:
        return ledger.verify(warehouse.open_existing(url), remembered)
    except LedgerError as error:
        raise LedgerError(f"at {warehouse.redact_url(url)}: {error}") from None


def _chunks(changes: Iterator[Change]) -> Iterator[list[Change]]:
    while chunk := list(islice(changes, _CHUNK_ROWS)):
        yield chunk


@contextmanager
def _naming_part(part: MigrationPart) -> Iterator[None]:
    """Turn a database error into a SetupError that names the part and its addresses."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise SetupError(
            f"expected to copy the {part.name} from {' to '.join(part.addresses)}, but: {error.orig}. Fix this, and "
            "run it again: it continues from here"
        ) from None
