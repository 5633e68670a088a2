"""Moving house: all that one installation holds, brought to other addresses, resumably, and held against the source.

Nothing at the source is changed, nothing at the target that is not an earlier state of the same house.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import sqlalchemy as sa

from include.installation import House
from include.steps.migrate import activity, parts
from include.steps.migrate.parts import Part
from include.stores import ledger, packages, registry, warehouse
from ml import sync_diff
from ml.errors import DataError, LedgerError, RequestError, SetupError
from ml.governance.hash_chain import GENESIS
from ml.sync_diff import Change, Kind, Tally

__all__ = ["Arrived", "Move", "Planned", "of", "require_idle"]

_AT_ONCE = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """What of one part would be brought: rows or files that are not there yet, that changed since, or are gone."""

    part: Part
    new: int
    changed: int
    gone: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """One part after it was brought: what is here, and what is there."""

    part: Part
    here: Tally
    there: Tally

    @property
    def is_equal(self) -> bool:
        return self.here == self.there


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A move from one house to another: the parts that change their address, and the names of those that do not."""

    source: House
    target: House
    parts: tuple[Part, ...]
    staying: tuple[str, ...]

    def plan(self) -> tuple[Planned, ...]:
        """Return what would be brought; nothing is written.

        Raises LedgerError when a chain is broken, and DataError when the target holds something else.
        """
        earlier = self._is_to_an_earlier_state()
        return tuple(_planned(part, earlier=earlier) for part in self.parts)

    def bring(self) -> Iterator[tuple[Part, int]]:
        """Bring what is not there yet, a stretch at a time, and yield how much of which part each time.

        Wherever one stops, another goes on from there. Raises as `plan` does.
        """
        earlier = self._is_to_an_earlier_state()
        warehouse.migrate(self.target.settings.warehouse_url)
        registry.prepare(self.target.settings)
        for part in self.parts:
            with _told(part):
                for stretch in _stretches(_changes(part, earlier=earlier)):
                    part.bring(stretch)
                    yield part, len(stretch)

    def verify(self) -> tuple[Arrived, ...]:
        """Return, for each part, what is here and there, all read anew.

        Raises LedgerError where the chain does not stand at the target as it does here, and PackageError for a package
        that is not whole there, or not signed by a key that is trusted there.
        """
        found = tuple(map(_arrived, self.parts))
        _chain(self.target, _chain(self.source))
        held = self.target.settings
        for digest in packages.stored(held.packages):
            packages.get(held.packages, digest, held.trusted_keys)
        return found

    def _is_to_an_earlier_state(self) -> bool:
        """Return whether the target has a ledger, one that goes on in the source's; raises DataError for another."""
        _chain(self.source)
        here, there = self.source.settings.warehouse_url, self.target.settings.warehouse_url
        if here == there or not warehouse.there(there) or (head := _chain(self.target)) == GENESIS:
            return False
        try:
            _chain(self.source, head)
        except LedgerError:
            raise DataError(
                f"the target holds something else already: its ledger ends with {head[:12]}, which was never written to "
                "the one that is moved. Give addresses at which there is nothing yet"
            ) from None
        return True


def of(source: House, target: House, *, landing: bool = True, secrets: bool = False) -> Move:
    """Return the move between two houses; raises RequestError when all of their addresses are the same."""
    every = parts.of(source, target, landing=landing, secrets=secrets)
    moving_ones = tuple(part for part in every if part.addresses[0] != part.addresses[1])
    if not moving_ones:
        raise RequestError("expected another house to move to, but all of its addresses are those of this one")
    staying = tuple(part.name for part in every if part not in moving_ones)
    return Move(source=source, target=target, parts=moving_ones, staying=staying)


def require_idle(move: Move, now: datetime) -> None:
    """Raise SetupError when anything runs at either end that may write."""
    for house in (move.source, move.target):
        activity.require_none(house, now)


def _changes(part: Part, *, earlier: bool) -> Iterator[Change]:
    changes = sync_diff.differences(part.here(), part.there(), part.key)
    return sync_diff.admitted(changes, part.name, earlier=earlier, may_change=part.may_change)


def _planned(part: Part, *, earlier: bool) -> Planned:
    with _told(part):
        kinds = Counter(change.kind for change in _changes(part, earlier=earlier))
    return Planned(part=part, new=kinds[Kind.NEW], changed=kinds[Kind.CHANGED], gone=kinds[Kind.GONE])


def _arrived(part: Part) -> Arrived:
    with _told(part):
        return Arrived(part=part, here=sync_diff.tally(part.here()), there=sync_diff.tally(part.arrived()))


def _chain(house: House, remembered: str = GENESIS) -> str:
    """Return the last digest of a house's ledger; raises LedgerError that says whose chain is broken."""
    url = house.settings.warehouse_url
    try:
        return ledger.verify(warehouse.opened(url), remembered)
    except LedgerError as error:
        raise LedgerError(f"at {warehouse.shown(url)}: {error}") from None


def _stretches(changes: Iterator[Change]) -> Iterator[list[Change]]:
    while stretch := list(islice(changes, _AT_ONCE)):
        yield stretch


@contextmanager
def _told(part: Part) -> Iterator[None]:
    """Raise SetupError that names the part and its addresses in place of what a database says."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise SetupError(
            f"expected the {part.name} to go from {' to '.join(part.addresses)}, but: {error.orig}. Mend it, and run "
            "this again: it goes on from here"
        ) from None
