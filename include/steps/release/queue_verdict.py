"""The verdict on an undecided challenger that is judged again: by the queue's evidence and the gate's other checks."""

from dataclasses import dataclass, replace

from include.steps.adoption.queue import MeasuredQueue
from include.steps.features import feature_pins
from include.steps.features.training_set import LabelledRows
from include.steps.train import diagnostics, records
from include.stores import ledger
from ml.arrays import Floats
from ml.governance import ledger_entries
from ml.governance.checks import Check
from ml.governance.ledger_entries import EntryKind, EvaluationRows, QueueRecord, Verdict
from ml.promotion import acceptance_tests, gate
from ml.promotion.adoption import shadow_queue
from ml.promotion.adoption.admission import Admission
from ml.promotion.adoption.shadow_queue import QueueEvidence, QueueMember
from ml.promotion.gate import GateRule, HoldoutScores, Outcome, PromotionVerdict
from ml.statistics import intervals
from ml.statistics.intervals import ScoredRows
from ml.targets import Target
from ml.training import baselines


@dataclass(frozen=True, kw_only=True)
class JudgedAgain:
    """The verdict on the newest model of a member, its evidence, and the rows that the gate's checks were made on."""

    member: QueueMember
    evidence: QueueEvidence
    verdict: PromotionVerdict
    rows: LabelledRows

    @property
    def is_shown_better(self) -> bool:
        """Whether the model may be released."""
        return self.verdict.outcome is Outcome.PROMOTE


def judge(measured: MeasuredQueue, member: QueueMember, evidence: QueueEvidence) -> JudgedAgain | None:
    """Return the verdict on the newest model of `member`, on the nights of its evidence after its first verdict.

    None before a block of such nights counts, or without labels. Raises one of `SCORING_ERRORS` when one of
    the models cannot score these nights.
    """
    context, queue = measured.context, measured.queue
    span = shadow_queue.judged_nights(member, queue, context.night, context.case.schedule)
    rows = measured.gains.labelled(*span) if span else None
    if rows is None or not len(rows.labels):
        return None
    for digest in (queue.champion, member.newest.digest):
        feature_pins.check_declarations(digest, context)
    gains, target = measured.gains, measured.gains.target(member.newest.digest)
    scores = gains.scores(member.newest.digest, rows)
    levels = {each.feature: rows.frame[each.feature].astype(str).to_numpy(object) for each in context.case.slices}
    holdout = HoldoutScores(
        labels=rows.labels,
        champion=gains.scores(queue.champion, rows),
        challenger=scores,
        nights=rows.nights,
        slices=intervals.slice_masks(context.case.slices, levels),
        baselines={each.name: baselines.predict(each, rows.frame, target.prior) for each in context.case.baselines},
    )
    fairness = _fairness_checks(measured, rows, scores, target)
    verdict = gate.judge(holdout, context.case.gates, GateRule.CHANGE, target, extra_checks=fairness)
    return JudgedAgain(
        member=member, evidence=evidence, verdict=shadow_queue.admit(verdict, evidence, measured.declared), rows=rows
    )


def payload(measured: MeasuredQueue, judged: JudgedAgain) -> Verdict:
    """Return the new verdict for the ledger; what describes the package is as in its first one."""
    verdict, rows = judged.verdict, judged.rows
    nights = sorted(set(map(str, rows.nights)))
    again = replace(
        _first_verdict(measured, judged.member),
        outcome=str(verdict.outcome),
        reason=verdict.reason,
        table_versions=measured.tables.versions,
        champion=measured.queue.champion,
        champion_error=None,
        rule=str(verdict.rule),
        gain=records.stored_interval(verdict.gain),
        cost_gain=records.stored_interval(verdict.cost_gain),
        centred_gain=None if verdict.centred_gain is None else records.stored_interval(verdict.centred_gain),
        evaluation=EvaluationRows(
            nights=(nights[0], nights[-1]),
            rows=verdict.rows,
            night_count=verdict.nights,
            digest=records.rows_digest(rows),
        ),
        checks=verdict.checks,
        admission=str(Admission.PROOF),
        queue=QueueRecord(
            night=measured.context.night,
            since=judged.evidence.since,
            evidence=judged.evidence.highest,
            level=measured.declared.queue_level,
            nights=judged.evidence.nights,
        ),
    )
    return replace(again, evidence=records.evidence_digest(again))


def _first_verdict(measured: MeasuredQueue, member: QueueMember) -> Verdict:
    context = measured.context
    entries = ledger.entries(
        context.engine, use_case=context.case.name, kind=EntryKind.JUDGED, subject=member.newest.digest
    )
    return ledger_entries.read(next(each for each in entries if each.seq == member.newest.seq), Verdict)


def _fairness_checks(measured: MeasuredQueue, rows: LabelledRows, scores: Floats, target: Target) -> tuple[Check, ...]:
    case = measured.context.case
    if case.fairness is None:
        return ()
    return acceptance_tests.fairness_checks(
        ScoredRows(frame=rows.frame, labels=rows.labels, scores=scores, nights=rows.nights),
        diagnostics.group_levels(case, rows, measured.tables),
        diagnostics.condition_mask(case, case.fairness.population, rows.frame),
        case.fairness,
        target,
        case.gates.confidence,
    )
