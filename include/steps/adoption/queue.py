"""The shadow queue of a use case: who is in it, from the ledger, and the evidence, from scores and labels."""

from dataclasses import dataclass
from functools import cached_property

from include.steps import release_state
from include.steps.adoption.gains import PackageGains
from include.steps.context import NightContext
from include.stores import ledger
from include.stores.table_snapshot import TableSnapshot
from ml.promotion.adoption import shadow_queue
from ml.promotion.adoption.shadow_queue import QueueEvidence, QueueMember, ShadowQueue
from ml.usecase.adoption import Adoption


def read(context: NightContext, *, before_seq: int | None = None) -> ShadowQueue | None:
    """Return the queue as of the context's night; None if the use case declares none, and before the first champion.

    With `before_seq`, only ledger entries before that position count.
    """
    declared = context.case.adoption
    if declared is None:
        return None
    entries = ledger.entries_of_kinds(context.engine, context.case.name, shadow_queue.KINDS)
    return shadow_queue.fold(
        [each for each in entries if before_seq is None or each.seq < before_seq],
        release_state.as_of(context).standby,
        context.night,
        declared,
        context.case.schedule,
    )


@dataclass(frozen=True, kw_only=True)
class MeasuredQueue:
    """A queue as of the context's night, and the tables that its evidence is computed from."""

    context: NightContext
    queue: ShadowQueue
    tables: TableSnapshot

    @property
    def declared(self) -> Adoption:
        """The declaration of the queue."""
        assert self.context.case.adoption is not None
        return self.context.case.adoption

    @cached_property
    def gains(self) -> PackageGains:
        """The gains of all members since the first of them, or the champion, came."""
        first = min((max(each.since, self.queue.since) for each in self.queue.all_members), default=self.context.night)
        return PackageGains(context=self.context, tables=self.tables, first=first, last=self.context.night)

    def evidence(self, member: QueueMember) -> QueueEvidence:
        """Return the evidence that `member` is better than the champion.

        Raises one of `SCORING_ERRORS` when a package cannot score the rows.
        """
        return shadow_queue.measure(
            member, self.queue, self.context.night, self.declared, self.context.case.schedule, self.gains.nightly
        )
