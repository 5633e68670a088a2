"""Retraining triggers: one decision each night from the champion's measurements, with every number and threshold."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, TypedDict

from ml.errors import RequestError
from ml.monitoring.performance import RecentPerformance
from ml.retraining import throttling
from ml.retraining import worth as worth_of_refresh
from ml.retraining.worth import WorthFacts
from ml.usecase import Night, RetrainingPrice, Triggers


class TriggerState(StrEnum):
    """Whether a trigger fired, was above its threshold but suppressed, did not fire, or had too little data."""

    FIRED = "fired"
    SUPPRESSED = "suppressed"
    NOT_FIRED = "not fired"
    INSUFFICIENT_DATA = "insufficient data"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChampionFacts:
    """The facts about the champion that are known at the cutoff of `night`; None for a number that was not measured.

    `loss` is that of the matured rows of the window, and `loss_low` the lower end of its interval over nights.
    `reference_loss` is the loss that the champion had at its gate. `estimated_loss` is the loss that the scores of the
    matured rows imply, and `expected_loss` the loss that the scores of the last nights imply, with or without labels.
    `trained_nights` are the nights of all trainings, the champion's included. `above_history` has, for each earlier
    evaluation of this champion, the triggers that were above their thresholds, the latest first. `worth` is measured
    only if it is declared.
    """

    night: date
    matured_nights: int
    calibration_gap: float | None
    loss: float | None
    loss_low: float | None
    reference_loss: float | None
    new_labels: int
    age_nights: int
    trained_nights: tuple[date, ...]
    estimated_loss: float | None = None
    expected_loss: float | None = None
    drifted_share: float | None = None
    above_history: tuple[frozenset[str], ...] = ()
    worth: WorthFacts | None = None


class MaturedFacts(TypedDict):
    """The facts that come from the matured rows of the window."""

    matured_nights: int
    calibration_gap: float | None
    loss: float | None
    loss_low: float | None
    estimated_loss: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerFinding:
    """One trigger's number, threshold and state; `note` says why it is suppressed, or why its number is missing."""

    trigger: str
    value: float | None
    threshold: float
    state: TriggerState
    note: str = ""

    @property
    def is_above(self) -> bool:
        return self.state in (TriggerState.FIRED, TriggerState.SUPPRESSED)

    @property
    def summary(self) -> str:
        """The trigger's number and its threshold, as text.

        >>> TriggerFinding(trigger="loss_rise", value=0.12, threshold=0.1, state=TriggerState.FIRED).summary
        'loss_rise is 0.12, threshold 0.1'
        """
        return f"{self.trigger} is {_format_number(self.value)}, threshold {_format_number(self.threshold)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrainingDecision:
    """The decision whether to retrain, the first trigger that fired, the reason as text, and every finding.

    If a trigger fired but was throttled, `throttled_until` is the first night without a throttle, as an ISO date.
    """

    retrain: bool
    trigger: str | None
    reason: str
    findings: tuple[TriggerFinding, ...]
    throttled_until: str | None = None

    def unless(self, refusal: str) -> "RetrainingDecision":
        """Return the decision, without retraining if there is a `refusal` of the gate to judge what would be trained.

        >>> asked = RetrainingDecision(retrain=True, trigger="drift", reason="drift is 0.6, threshold 0.5", findings=())
        >>> asked.unless("expected 7 matured nights, got 3").reason
        'drift is 0.6, threshold 0.5; held back, because the gate could not judge: expected 7 matured nights, got 3'
        """
        if not (self.retrain and refusal):
            return self
        reason = f"{self.reason}; held back, because the gate could not judge: {refusal}"
        return replace(self, retrain=False, trigger=None, reason=reason)

    @property
    def fired_messages(self) -> dict[str, str]:
        """A message for each trigger that fired, by its name: its number, and the throttle if there is one."""
        fired = [finding for finding in self.findings if finding.state is TriggerState.FIRED]
        return {each.trigger: each.summary + self.reason.removeprefix(fired[0].summary) for each in fired}


def matured_facts(recent: RecentPerformance | None) -> MaturedFacts:
    """Return the facts in `recent`, the performance on the window; None if no row of the window has a label."""
    if recent is None:
        return MaturedFacts(matured_nights=0, calibration_gap=None, loss=None, loss_low=None, estimated_loss=None)
    measured = recent.measured
    return MaturedFacts(
        matured_nights=measured.nights,
        calibration_gap=measured.calibration_gap,
        loss=measured.loss,
        loss_low=recent.loss.low,
        estimated_loss=recent.expected_loss,
    )


def decide(triggers: Triggers, facts: ChampionFacts, schedule: Night) -> RetrainingDecision:
    """Return the night's decision; a trigger that fires within cooldown, over budget or in a blackout is throttled.

    >>> facts = ChampionFacts(
    ...     night=date(2013, 2, 15), matured_nights=14, calibration_gap=-0.06, loss=None, loss_low=None,
    ...     reference_loss=None, new_labels=900, age_nights=15, trained_nights=(date(2013, 1, 31),),
    ... )
    >>> decision = decide(Triggers(calibration_gap=0.04), facts, Night(hour=12, timezone="UTC"))
    >>> decision.retrain, decision.reason
    (True, 'calibration_gap is 0.06, threshold 0.04')
    """
    return _apply_throttle(
        triggers, tuple(_evaluate_triggers(triggers, facts)), facts.night, facts.trained_nights, schedule
    )


def decide_on_label_batch(
    triggers: Triggers, new_labels: int, night: date, trained_nights: tuple[date, ...], schedule: Night
) -> RetrainingDecision:
    """Return the decision after a batch of labels; `new_labels` have arrived since the last decision on a batch.

    Raises RequestError if the use case does not declare `label_batch`.

    >>> daily, monthly_labels = Night(hour=12, timezone="UTC"), Triggers(label_batch=10_000)
    >>> decide_on_label_batch(monthly_labels, 25_000, date(2013, 2, 15), (date(2013, 1, 31),), daily).reason
    'label_batch is 25,000, threshold 10,000'
    """
    if triggers.label_batch is None:
        raise RequestError("expected Triggers(label_batch=...) in the use case, got None: labels are counted nightly")
    state = TriggerState.FIRED if new_labels >= triggers.label_batch else TriggerState.NOT_FIRED
    value, threshold = float(new_labels), float(triggers.label_batch)
    finding = TriggerFinding(trigger="label_batch", value=value, threshold=threshold, state=state)
    return _apply_throttle(triggers, (finding,), night, trained_nights, schedule)


def above_threshold(findings: Iterable[TriggerFinding]) -> frozenset[str]:
    """Return the triggers that are above their thresholds, whether they fired or were suppressed.

    >>> findings = [
    ...     TriggerFinding(trigger="drift", value=0.6, threshold=0.5, state=TriggerState.SUPPRESSED),
    ...     TriggerFinding(trigger="loss_rise", value=0.0, threshold=0.1, state=TriggerState.NOT_FIRED),
    ... ]
    >>> sorted(above_threshold(findings))
    ['drift']
    """
    return frozenset(finding.trigger for finding in findings if finding.is_above)


def above_threshold_recorded(findings: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the same for findings as they are stored in the ledger.

    >>> sorted(above_threshold_recorded([{"trigger": "drift", "state": "suppressed"}]))
    ['drift']
    """
    return frozenset(
        str(each["trigger"]) for each in findings if each["state"] in (TriggerState.FIRED, TriggerState.SUPPRESSED)
    )


def _apply_throttle(
    triggers: Triggers,
    findings: tuple[TriggerFinding, ...],
    night: date,
    trained_nights: tuple[date, ...],
    schedule: Night,
) -> RetrainingDecision:
    first = next((finding for finding in findings if finding.state is TriggerState.FIRED), None)
    if first is None:
        return RetrainingDecision(retrain=False, trigger=None, reason=_describe_not_fired(findings), findings=findings)
    throttle = throttling.longest_throttle(triggers, night, trained_nights, schedule)
    if throttle is None:
        return RetrainingDecision(retrain=True, trigger=first.trigger, reason=first.summary, findings=findings)
    reason = f"{first.summary}; held back until {throttle.until}: {throttle.reason}"
    return RetrainingDecision(
        retrain=False, trigger=None, reason=reason, findings=findings, throttled_until=str(throttle.until)
    )


def _evaluate_triggers(triggers: Triggers, facts: ChampionFacts) -> Iterator[TriggerFinding]:
    enough = facts.matured_nights >= triggers.min_nights
    gap = abs(facts.calibration_gap) if enough and facts.calibration_gap is not None else None
    drift = triggers.drift
    measured = (
        ("calibration_gap", gap, triggers.calibration_gap),
        ("loss_rise", _relative_rise(facts.loss, facts.reference_loss) if enough else None, triggers.loss_rise),
        ("loss_surprise", _relative_rise(facts.loss, facts.estimated_loss) if enough else None, triggers.loss_surprise),
        ("expected_loss_rise", _relative_rise(facts.expected_loss, facts.reference_loss), triggers.expected_loss_rise),
        ("new_labels", float(facts.new_labels), triggers.new_labels),
        ("age_nights", float(facts.age_nights), triggers.age_nights),
        ("drift", facts.drifted_share, None if drift is None else drift.share),
    )
    for name, value, threshold in measured:
        if threshold is not None:
            yield _evaluate_trigger(name, value, float(threshold), triggers, facts)
    if triggers.worth is not None:
        yield _evaluate_worth(triggers.worth, triggers, facts)


def _evaluate_worth(price: RetrainingPrice, triggers: Triggers, facts: ChampionFacts) -> TriggerFinding:
    """Return the finding of `worth`: the forecast saving of a fresh model, and the price as its threshold."""
    known = facts.worth
    threshold = price.total(0.0 if known is None else known.cpu_seconds or 0.0)
    if known is None or known.fault or (known.cpu_seconds is None and price.cpu_hour > 0):
        note = "it was not measured" if known is None else known.fault or "no training time was recorded"
        finding = _evaluate_trigger("worth", None, threshold, triggers, facts)
        return replace(finding, note=note)
    value = worth_of_refresh.forecast_saving(price, known, facts.age_nights)
    return _evaluate_trigger("worth", value, threshold, triggers, facts)


def _evaluate_trigger(
    name: str, value: float | None, threshold: float, triggers: Triggers, facts: ChampionFacts
) -> TriggerFinding:
    if value is None or math.isnan(value):
        return TriggerFinding(trigger=name, value=None, threshold=threshold, state=TriggerState.INSUFFICIENT_DATA)
    if value <= threshold:
        return TriggerFinding(trigger=name, value=value, threshold=threshold, state=TriggerState.NOT_FIRED)
    note = _suppression_reason(name, triggers, facts)
    return TriggerFinding(
        trigger=name,
        value=value,
        threshold=threshold,
        state=TriggerState.SUPPRESSED if note else TriggerState.FIRED,
        note=note,
    )


def _suppression_reason(name: str, triggers: Triggers, facts: ChampionFacts) -> str:
    """Return why a trigger above its threshold is suppressed; "" if it fires."""
    if name == "drift" and triggers.drift is not None and not triggers.drift.triggers_retraining:
        return "does not trigger retraining"
    references = {"loss_rise": facts.reference_loss, "loss_surprise": facts.estimated_loss}
    if name in references and not (_relative_rise(facts.loss_low, references[name]) or 0) > 0:
        return "its interval contains 0"
    persistence = triggers.persistence_for(name)
    nights_above = 1 + sum(name in earlier for earlier in facts.above_history[: persistence.out_of - 1])
    return (
        ""
        if nights_above >= persistence.nights
        else f"{nights_above} of {persistence.out_of} nights, needs {persistence.nights}"
    )


def _relative_rise(loss: float | None, reference: float | None) -> float | None:
    return loss / reference - 1 if loss is not None and reference else None


def _format_number(value: float | None) -> str:
    return "missing" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _describe_not_fired(findings: tuple[TriggerFinding, ...]) -> str:
    if not findings:
        return "no trigger is switched on"
    insufficient = [
        finding.trigger + (f" ({finding.note})" if finding.note else "")
        for finding in findings
        if finding.state is TriggerState.INSUFFICIENT_DATA
    ]
    suppressed = [
        f"{finding.trigger} ({finding.note})" for finding in findings if finding.state is TriggerState.SUPPRESSED
    ]
    clauses = [f"above a threshold: {', '.join(suppressed)}"] if suppressed else []
    return "; ".join(
        ["nothing fired", *clauses, *([f"insufficient data: {', '.join(insufficient)}"] if insufficient else [])]
    )
