"""The shadow queue after each night: evidence on its members, and a new verdict on one that is shown better.

Nothing is released by it: the new verdict, `judged_again`, starts the release like that of a training.
"""

from collections.abc import Sequence
from typing import Literal

from include.steps import release_state
from include.steps.adoption import queue as queues
from include.steps.adoption.queue import MeasuredQueue
from include.steps.context import NightContext, StepContext
from include.steps.release import queue_verdict
from include.steps.release.queue_verdict import JudgedAgain
from include.stores import ledger, table_snapshot, warehouse
from include.stores.warehouse import Alert, Metric
from ml.errors import SCORING_ERRORS, LedgerError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, QueueRecord, Verdict
from ml.promotion.adoption import evidence, shadow_queue
from ml.promotion.adoption.shadow_queue import METRIC, QueueEvidence, QueueMember, ShadowQueue

NextStep = Literal["release_undecided"]  # the task of the DAG
_ALERT = "shadow queue"
_MemberEvidence = tuple[QueueMember, QueueEvidence]


def examine(use_case: str, night: str) -> NextStep | None:
    """Measure the queue with the labels known by `night`, and judge one member again that is shown better.

    Returns "release_undecided" if the new verdict is of this night. While a release is under way, no verdict is made. A
    fault in the numbers is an alert and changes nothing; running a night again changes nothing more.
    """
    context = NightContext.load_night(use_case, night)
    queue = queues.read(context)
    if queue is None or not queue.all_members:
        return None
    tables = table_snapshot.take(context.case, context.settings)
    measured = MeasuredQueue(context=context, queue=queue, tables=tables)
    evidence_of_members = _measure(measured)
    _report_previous(measured, evidence_of_members)
    again = _verdict_on(context, queue)
    if again is None and _may_release(context, queue):
        again = _judge_again(measured, evidence_of_members)
    if again is None or _record(again).night != context.night:
        return None
    _alert(context, again.subject, f"an undecided challenger was {ledger_entries.read(again, Verdict).reason}")
    return "release_undecided"


def released_night(use_case: str, night: str) -> str:
    """Return the night as of which the challenger was trained that was judged again as of `night`."""
    context = NightContext.load_night(use_case, night)
    entries = ledger.entries(context.engine, use_case=context.case.name, kind=EntryKind.JUDGED_AGAIN)
    return next(str(each.night) for each in reversed(entries) if _record(each).night == context.night)


def require_shown_better(challenger: Entry, context: StepContext) -> None:
    """Raise LedgerError unless a challenger that was judged again is shown better by evidence that is computed anew.

    What its entry states is not believed: the queue is read from the ledger entries before it, and the evidence and the
    checks of the gate are computed from scores and labels. A challenger with another verdict needs none of this.
    """
    if challenger.kind != EntryKind.JUDGED_AGAIN:
        return
    verdict, record = ledger_entries.read(challenger, Verdict), _record(challenger)
    at_night = context.at(record.night)
    queue = queues.read(at_night, before_seq=challenger.seq)
    members = [each for each in queue.members if each.newest.digest == challenger.subject] if queue else []
    if queue is None or not members or verdict.champion != queue.champion:
        raise _refusal(challenger, f"it was not in the shadow queue as of {record.night} against its champion")
    tables = table_snapshot.take(context.case, context.settings, verdict.table_versions)
    measured = MeasuredQueue(context=at_night, queue=queue, tables=tables)
    member_evidence = measured.evidence(members[0])
    judged = queue_verdict.judge(measured, members[0], member_evidence)
    if judged is None or not judged.is_shown_better:
        evidence_now = shadow_queue.describe_evidence(member_evidence, measured.declared)
        reason = "no night after its verdict counts" if judged is None else judged.verdict.reason
        raise _refusal(challenger, f"it is not shown better ({evidence_now}; {reason})")


def _measure(measured: MeasuredQueue) -> list[_MemberEvidence]:
    """Return the evidence on each member that can be measured, and store it as a metric of the night."""
    evidence_of_members: list[_MemberEvidence] = []
    for member in measured.queue.all_members:
        try:
            evidence_of_members.append((member, measured.evidence(member)))
        except SCORING_ERRORS as error:
            message = f"an undecided model cannot be compared with the champion: {error}"
            _alert(measured.context, member.newest.digest, message)
    warehouse.record_metrics(
        measured.context.engine, [_metric(measured.context, *each) for each in evidence_of_members]
    )
    return evidence_of_members


def _report_previous(measured: MeasuredQueue, evidence_of_members: Sequence[_MemberEvidence]) -> None:
    """Alert if the previous champion is shown better; only the guard or a person puts it back."""
    for member, member_evidence in evidence_of_members:
        reached = member_evidence.highest >= measured.declared.queue_level
        if member.recipe is None and reached and _block_counts_tonight(measured, member):
            text = shadow_queue.describe_evidence(member_evidence, measured.declared)
            message = (
                f"the previous champion is shown better than the present one ({text}): consider `ratchet rollback`"
            )
            _alert(measured.context, member.newest.digest, message)


def _metric(context: NightContext, member: QueueMember, member_evidence: QueueEvidence) -> Metric:
    return Metric(
        use_case=context.case.name,
        night=context.night,
        model_digest=member.newest.digest,
        slice="all",
        metric=METRIC,
        value=member_evidence.value,
        high=member_evidence.highest,
        n=member_evidence.nights,
        out_of_sample=True,
    )


def _verdict_on(context: NightContext, queue: ShadowQueue) -> Entry | None:
    """Return the last verdict by which a member was judged again, compared with the present champion."""
    entries = ledger.entries(context.engine, use_case=context.case.name, kind=EntryKind.JUDGED_AGAIN)
    members = {model.digest for member in queue.members for model in member.models}
    again = [
        each
        for each in entries
        if each.subject in members and ledger_entries.read(each, Verdict).champion == queue.champion
    ]
    return again[-1] if again else None


def _may_release(context: NightContext, queue: ShadowQueue) -> bool:
    """Return whether no release is under way, and the champion is still the one that the queue is compared with."""
    state = release_state.current(context)
    return state.challenger is None and state.champion == queue.champion


def _judge_again(measured: MeasuredQueue, evidence_of_members: Sequence[_MemberEvidence]) -> Entry | None:
    """Record a verdict on the member with the highest evidence that passes every check; None if there is none."""
    level = measured.declared.queue_level
    reached = [each for each in evidence_of_members if each[0].recipe is not None and each[1].highest >= level]
    for member, member_evidence in sorted(reached, key=lambda each: -each[1].highest):
        try:
            judged = queue_verdict.judge(measured, member, member_evidence)
        except SCORING_ERRORS as error:
            _alert(measured.context, member.newest.digest, f"an undecided model cannot be judged again: {error}")
            continue
        if judged is not None and judged.is_shown_better:
            return _append(measured, judged)
        if judged is not None and _block_counts_tonight(measured, member):
            _alert(measured.context, member.newest.digest, _not_released(judged, measured))
    return None


def _append(measured: MeasuredQueue, judged: JudgedAgain) -> Entry:
    context, queue, model = measured.context, measured.queue, judged.member.newest
    return ledger.append(
        context.engine,
        kind=EntryKind.JUDGED_AGAIN,
        use_case=context.case.name,
        night=model.night,
        subject=model.digest,
        payload=queue_verdict.payload(measured, judged),
        key=f"{context.case.name}:{EntryKind.JUDGED_AGAIN}:{model.seq}:{queue.champion}:{queue.champion_since}",
    )


def _block_counts_tonight(measured: MeasuredQueue, member: QueueMember) -> bool:
    """Return whether the last block of the evidence counts since the context's night, so that its answer is new."""
    night, schedule = measured.context.night, measured.context.case.schedule
    since = member.counted(measured.queue.since)[0][0]
    before, now = (evidence.blocks(since, each, schedule) for each in (schedule.previous(night), night))
    return len(before) < len(now)


def _not_released(judged: JudgedAgain, measured: MeasuredQueue) -> str:
    return (
        f"an undecided challenger is better in the shadow queue "
        f"({shadow_queue.describe_evidence(judged.evidence, measured.declared)}) but is not released: "
        f"{judged.verdict.reason}"
    )


def _record(challenger: Entry) -> QueueRecord:
    record = ledger_entries.read(challenger, Verdict).queue
    if record is None:
        raise _refusal(challenger, "its verdict has no evidence of a shadow queue")
    return record


def _refusal(challenger: Entry, reason: str) -> LedgerError:
    return LedgerError(
        f"package {challenger.subject[:12]} of {challenger.night} may not be released as judged again: {reason}. It "
        "needs a verdict that shows it better (train again), or `ratchet override`"
    )


def _alert(context: NightContext, digest: str, message: str) -> None:
    alert = Alert(use_case=context.case.name, night=context.night, kind=_ALERT, subject=digest, message=message)
    warehouse.raise_alert(context.engine, alert)
