"""What the prunable parts of a use case have in common."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from include.steps.context import StepContext
from include.steps.prune.needs import PackageNeeds
from ml.governance import pruning
from ml.governance.pruning import PruneItem, PruneNeed, PrunePlan


@dataclass(frozen=True, kw_only=True)
class PruneContext:
    """What all parts need: the context, what must stay, the last night, and now.

    Files and runs that were written in the last `safety_hours` may belong to a task that runs, and stay.
    """

    step: StepContext
    needs: PackageNeeds
    last: date
    now: datetime
    safety_hours: int

    def first_kept(self, nights: int | None) -> date | None:
        """Return the first of the last `nights` nights; None to keep all."""
        return None if nights is None else self.step.case.schedule.previous(self.last, nights - 1)

    def first_kept_day(self, nights: int | None) -> date | None:
        """Return the same counted back from today, for items that no night made."""
        today = self.step.case.schedule.previous(self.now.date(), 0)
        return None if nights is None else self.step.case.schedule.previous(today, nights - 1)

    def is_settled(self, written: float) -> bool:
        """Return whether what was written at `written` (POSIX seconds) cannot belong to a running task."""
        return written <= time.time() - timedelta(hours=self.safety_hours).total_seconds()


@dataclass(frozen=True, kw_only=True)
class PrunablePart:
    """One part: its items, the first night to keep, what must stay, and the function that removes items."""

    name: str
    items: Sequence[PruneItem]
    first_kept: date | None
    remove: Callable[[Sequence[PruneItem]], None]
    needs: Sequence[PruneNeed] = ()
    pinned: Mapping[str, str] = field(default_factory=dict)

    def plan(self) -> PrunePlan:
        """Return what goes of this part."""
        return pruning.plan(self.name, self.items, self.first_kept, needs=self.needs, pinned=self.pinned)
