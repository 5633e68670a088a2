"""When to ask for a new model: triggers held against what was measured, one decision a night, every number kept."""

import math
from dataclasses import dataclass
from enum import StrEnum

from ml.errors import RequestError
from ml.usecase import Triggers


class State(StrEnum):
    """What a trigger says: ask, nothing to ask for, or too little to tell."""

    FIRED = "fired"
    QUIET = "quiet"
    NOT_ENOUGH = "not enough data"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known at the cutoff about the champion; None where nothing could be measured."""

    matured_nights: int
    calibration_gap: float | None
    loss: float | None
    reference_loss: float | None
    new_labels: int
    age_nights: int
    nights_since_training: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One trigger's number, its threshold, and what it says."""

    trigger: str
    value: float | None
    threshold: float
    state: State


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Whether to retrain, the trigger that asked first, the reason in words, and every finding."""

    retrain: bool
    trigger: str | None
    reason: str
    findings: tuple[Finding, ...]


def decide(triggers: Triggers, facts: Facts) -> Decision:
    """Return the night's decision; within the cooldown after a training nothing is asked for."""
    return _decided(triggers, tuple(_findings(triggers, facts)), facts.nights_since_training)


def decide_on_batch(triggers: Triggers, new_labels: int, nights_since_training: int) -> Decision:
    """Return the decision when `new_labels` have come since the last batch; raises RequestError where none is asked for."""
    if triggers.label_batch is None:
        raise RequestError("expected Triggers(label_batch=...) in the use case: labels are counted by the night there")
    state = State.FIRED if new_labels >= triggers.label_batch else State.QUIET
    value, threshold = float(new_labels), float(triggers.label_batch)
    finding = Finding(trigger="label_batch", value=value, threshold=threshold, state=state)
    return _decided(triggers, (finding,), nights_since_training)


def _decided(triggers: Triggers, findings: tuple[Finding, ...], nights_since_training: int) -> Decision:
    fired = [finding for finding in findings if finding.state is State.FIRED]
    if not fired:
        return Decision(retrain=False, trigger=None, reason=_quiet(findings), findings=findings)
    first = fired[0]
    said = f"{first.trigger} is {_shown(first.value)}, threshold {_shown(first.threshold)}"
    if nights_since_training < triggers.cooldown_nights:
        wait = triggers.cooldown_nights - nights_since_training
        return Decision(
            retrain=False, trigger=None, reason=f"{said}; cooling down, nights to go: {wait}", findings=findings
        )
    return Decision(retrain=True, trigger=first.trigger, reason=said, findings=findings)


def _findings(triggers: Triggers, facts: Facts) -> list[Finding]:
    enough = facts.matured_nights >= triggers.least_nights
    gap = abs(facts.calibration_gap) if enough and facts.calibration_gap is not None else None
    measured = (
        ("calibration_gap", gap, triggers.calibration_gap),
        ("loss_rise", _rise(facts) if enough else None, triggers.loss_rise),
        ("new_labels", float(facts.new_labels), triggers.new_labels),
        ("age_nights", float(facts.age_nights), triggers.age_nights),
    )
    return [
        Finding(trigger=name, value=value, threshold=float(threshold), state=_state(value, threshold))
        for name, value, threshold in measured
        if threshold is not None
    ]


def _rise(facts: Facts) -> float | None:
    if facts.loss is None or not facts.reference_loss:
        return None
    return facts.loss / facts.reference_loss - 1


def _state(value: float | None, threshold: float) -> State:
    if value is None or math.isnan(value):
        return State.NOT_ENOUGH
    return State.FIRED if value > threshold else State.QUIET


def _shown(value: float | None) -> str:
    return "missing" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _quiet(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return "no trigger is switched on"
    short = [finding.trigger for finding in findings if finding.state is State.NOT_ENOUGH]
    return f"nothing fired; too little to tell: {', '.join(short)}" if short else "nothing fired"
