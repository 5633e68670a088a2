"""Pruning: which items of a part go, and why items past their retention stay. It decides; `include` removes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, kw_only=True, slots=True)
class PruneItem:
    """One removable item of a part: its name, the night that it belongs to, and its size (0 if it is unknown)."""

    name: str
    night: date
    size_bytes: int = 0
    count: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PruneNeed:
    """Items of the night `since` and of later nights are needed, for this `reason`."""

    since: date
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PrunePlan:
    """What goes of one part, what is there in all, and how many items stay although they are past their retention.

    `first_kept` is the first night within the retention; None when the part is kept for ever.
    """

    part: str
    first_kept: date | None
    total: int
    total_bytes: int
    oldest: date | None
    removed: tuple[PruneItem, ...] = ()
    kept: Mapping[str, int] = field(default_factory=dict)

    @property
    def removed_count(self) -> int:
        return sum(each.count for each in self.removed)

    @property
    def removed_bytes(self) -> int:
        return sum(each.size_bytes for each in self.removed)


def plan(
    part: str,
    items: Sequence[PruneItem],
    first_kept: date | None,
    *,
    needs: Iterable[PruneNeed] = (),
    pinned: Mapping[str, str] | None = None,
) -> PrunePlan:
    """Return the plan for the `items` of a part, in their order.

    An item goes if it is of a night before `first_kept`, no need reaches back to its night, and it is not `pinned`, a
    mapping from the name of an item to the reason why it stays.

    >>> items = [PruneItem(name=f"{day}", night=date(2024, 3, day)) for day in (1, 2, 3, 4)]
    >>> release = PruneNeed(since=date(2024, 3, 3), reason="a release is running")
    >>> planned = plan("scores", items, date(2024, 3, 4), needs=[release], pinned={"1": "named by the ledger"})
    >>> [each.name for each in planned.removed], dict(planned.kept)
    (['2'], {'named by the ledger': 1, 'a release is running': 1})
    """
    all_needs, pins = tuple(needs), pinned or {}
    removed, kept = list[PruneItem](), Counter[str]()
    for each in items:
        if first_kept is None or each.night >= first_kept:
            continue
        reason = pins.get(each.name) or next((need.reason for need in all_needs if each.night >= need.since), None)
        if reason is None:
            removed.append(each)
        else:
            kept[reason] += each.count
    return PrunePlan(
        part=part,
        first_kept=first_kept,
        total=sum(each.count for each in items),
        total_bytes=sum(each.size_bytes for each in items),
        oldest=min((each.night for each in items), default=None),
        removed=tuple(removed),
        kept=dict(kept),
    )
