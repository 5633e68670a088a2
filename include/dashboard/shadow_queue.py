"""The shadow queue of a use case: each undecided model with its evidence and what follows, from ledger and metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from include.stores import ledger, warehouse
from include.stores.warehouse import Metric
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import RELEASE_KINDS, EntryKind, Verdict
from ml.promotion.adoption import shadow_queue
from ml.promotion.adoption.shadow_queue import METRIC, QueueEvidence, QueueMember, ShadowQueue
from ml.rollout import state
from ml.usecase import UseCase

HEADERS = ("package", "recipe", "undecided since", "nights left", "evidence", "answer")
_SHORT = 12
_KINDS = shadow_queue.KINDS | RELEASE_KINDS | {EntryKind.JUDGED_AGAIN}


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueRow:
    """A member of the queue: its newest package, its recipe, since when it is in the queue, and what is known of it."""

    digest: str
    recipe: str
    since: date
    nights_left: int
    evidence: float | None
    answer: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The row in the order of `HEADERS`."""
        evidence = "" if self.evidence is None else f"{self.evidence:.1f}"
        recipe = self.recipe[:_SHORT] or "previous champion"
        return self.digest[:_SHORT], recipe, str(self.since), str(self.nights_left), evidence, self.answer


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueStatus:
    """The queue compared with `champion`, whose successor a member may be at an evidence of `level`; it has rows."""

    champion: str
    level: float
    rows: tuple[QueueRow, ...]

    @property
    def summary(self) -> str:
        """A sentence on what the evidence means."""
        return (
            f"Compared each night with the champion, now {self.champion[:_SHORT]}, on nights after the verdict. A model "
            f"whose evidence (an e-value) reaches {self.level:.4g} is judged again; people approve its release"
        )


def gather(engine: sa.Engine, case: UseCase) -> QueueStatus | None:
    """Return the status of the queue; None if nothing is in it."""
    return find(engine, case, ledger.entries_of_kinds(engine, case.name, _KINDS))


def find(engine: sa.Engine, case: UseCase, entries: Sequence[Entry]) -> QueueStatus | None:
    """Return the same as `gather` from ledger `entries` in order, which include all of the kinds that it reads."""
    nights = [each.night for each in entries if each.night is not None]
    if case.adoption is None or not nights:
        return None
    last = max([*nights, *filter(None, [warehouse.last_scored_night(engine, case.name)])])
    rollout = state.replay_events(case.name, [each for each in entries if each.kind in RELEASE_KINDS])
    queue = shadow_queue.fold(
        [each for each in entries if each.kind in shadow_queue.KINDS],
        rollout.standby,
        case.schedule.previous(last, -1),
        case.adoption,
        case.schedule,
    )
    if queue is None or not queue.all_members:
        return None
    metrics = warehouse.metrics(engine, case.name, queue.since, metric=METRIC)
    released = _released(entries, queue)
    return QueueStatus(
        champion=queue.champion,
        level=case.adoption.queue_level,
        rows=tuple(_row(case, queue, each, metrics, released) for each in queue.all_members),
    )


def _row(
    case: UseCase, queue: ShadowQueue, member: QueueMember, metrics: Sequence[Metric], released: set[str]
) -> QueueRow:
    assert case.adoption is not None
    measured = _evidence(queue, member, metrics)
    is_released = any(each.digest in released for each in member.models)
    return QueueRow(
        digest=member.newest.digest,
        recipe=member.recipe or "",
        since=member.since,
        nights_left=member.nights_left,
        evidence=measured.value if measured else None,
        answer=shadow_queue.describe(member, measured, case.adoption, is_released=is_released),
    )


def _evidence(queue: ShadowQueue, member: QueueMember, metrics: Sequence[Metric]) -> QueueEvidence | None:
    """Return the latest evidence on the member that was measured under the champions of the present recipe."""
    own = [each for each in metrics if each.model_digest == member.newest.digest and each.night > queue.since]
    if not own or own[-1].value is None:
        return None
    latest = own[-1]
    value = float(latest.value or 0.0)
    return QueueEvidence(
        since=member.counted(queue.since)[0][0],
        nights=latest.n,
        value=value,
        highest=value if latest.high is None else latest.high,
    )


def _released(entries: Sequence[Entry], queue: ShadowQueue) -> set[str]:
    """Return the packages that were judged again, compared with the present champion."""
    again = [each for each in entries if each.kind == EntryKind.JUDGED_AGAIN]
    return {each.subject for each in again if ledger_entries.read(each, Verdict).champion == queue.champion}
