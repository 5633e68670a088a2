"""When to ask for a new model: triggers held against what was measured, one decision a night, every number kept."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, TypedDict

from ml.errors import RequestError
from ml.monitoring.performance import Recent
from ml.retraining import throttling
from ml.usecase import Night, Triggers


class State(StrEnum):
    """What a trigger says: ask, above its threshold without asking, nothing to ask for, or too little to tell."""

    FIRED = "fired"
    ABOVE = "above, does not ask"
    QUIET = "quiet"
    NOT_ENOUGH = "not enough data"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known at the cutoff of `night` about the champion; None where nothing could be measured.

    `loss_low` is the lower end of the interval of `loss` by nights, `loss_foreseen` what those rows were expected to lose, and
    `expected_loss` what those of the last nights are, with or without labels. `tried` are the nights as of which models were trained,
    the champion's too. `above` has the triggers that were above their thresholds at each earlier look at this champion,
    the latest look first.
    """

    night: date
    matured_nights: int
    calibration_gap: float | None
    loss: float | None
    loss_low: float | None
    reference_loss: float | None
    new_labels: int
    age_nights: int
    tried: tuple[date, ...]
    loss_foreseen: float | None = None
    expected_loss: float | None = None
    drifted_share: float | None = None
    above: tuple[frozenset[str], ...] = ()


class Matured(TypedDict):
    """Those of the facts that the matured rows of the window tell."""

    matured_nights: int
    calibration_gap: float | None
    loss: float | None
    loss_low: float | None
    loss_foreseen: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One trigger's number, its threshold, what it says, and in `note` why it does not ask though it is above."""

    trigger: str
    value: float | None
    threshold: float
    state: State
    note: str = ""

    @property
    def is_above(self) -> bool:
        return self.state in (State.FIRED, State.ABOVE)

    @property
    def told(self) -> str:
        """The trigger's number and its threshold."""
        return f"{self.trigger} is {_shown(self.value)}, threshold {_shown(self.threshold)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Whether to retrain, the trigger that asked first, the reason in words, and every finding.

    `held_until` is the first night on which what a trigger asks for now would no longer be held back, as an ISO date.
    """

    retrain: bool
    trigger: str | None
    reason: str
    findings: tuple[Finding, ...]
    held_until: str | None = None

    @property
    def fired(self) -> dict[str, str]:
        """What there is to say of each trigger that asks, by its name: its number, and what holds all of them back."""
        asking = [finding for finding in self.findings if finding.state is State.FIRED]
        return {each.trigger: each.told + self.reason.removeprefix(asking[0].told) for each in asking}


def matured(recent: Recent | None) -> Matured:
    """Return the facts that `recent` tells; None is a window of which no label has come."""
    if recent is None:
        return Matured(matured_nights=0, calibration_gap=None, loss=None, loss_low=None, loss_foreseen=None)
    measured = recent.measured
    return Matured(
        matured_nights=measured.nights,
        calibration_gap=measured.calibration_gap,
        loss=measured.loss,
        loss_low=recent.loss.low,
        loss_foreseen=recent.expected,
    )


def decide(triggers: Triggers, facts: Facts, horizon: Night) -> Decision:
    """Return the night's decision; what is asked for within cooldown, over budget or on a quiet night is held back."""
    return _decided(triggers, tuple(_findings(triggers, facts)), facts.night, facts.tried, horizon)


def decide_on_batch(
    triggers: Triggers, new_labels: int, night: date, tried: tuple[date, ...], horizon: Night
) -> Decision:
    """Return the decision when `new_labels` have come since the last batch; raises RequestError where none is asked for."""
    if triggers.label_batch is None:
        raise RequestError("expected Triggers(label_batch=...) in the use case: labels are counted by the night there")
    state = State.FIRED if new_labels >= triggers.label_batch else State.QUIET
    value, threshold = float(new_labels), float(triggers.label_batch)
    finding = Finding(trigger="label_batch", value=value, threshold=threshold, state=state)
    return _decided(triggers, (finding,), night, tried, horizon)


def above(findings: Iterable[Finding]) -> frozenset[str]:
    """Return the triggers that are above their thresholds, whether they ask or not."""
    return frozenset(finding.trigger for finding in findings if finding.is_above)


def above_then(findings: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the same of findings as a record keeps them."""
    return frozenset(str(each["trigger"]) for each in findings if each["state"] in (State.FIRED, State.ABOVE))


def _decided(
    triggers: Triggers, findings: tuple[Finding, ...], night: date, tried: tuple[date, ...], horizon: Night
) -> Decision:
    first = next((finding for finding in findings if finding.state is State.FIRED), None)
    if first is None:
        return Decision(retrain=False, trigger=None, reason=_quiet(findings), findings=findings)
    held = throttling.longest(triggers, night, tried, horizon)
    if held is None:
        return Decision(retrain=True, trigger=first.trigger, reason=first.told, findings=findings)
    reason = f"{first.told}; held back until {held.until}: {held.why}"
    return Decision(retrain=False, trigger=None, reason=reason, findings=findings, held_until=str(held.until))


def _findings(triggers: Triggers, facts: Facts) -> Iterator[Finding]:
    enough = facts.matured_nights >= triggers.least_nights
    gap = abs(facts.calibration_gap) if enough and facts.calibration_gap is not None else None
    drift = triggers.drift
    measured = (
        ("calibration_gap", gap, triggers.calibration_gap),
        ("loss_rise", _rise(facts.loss, facts.reference_loss) if enough else None, triggers.loss_rise),
        ("loss_surprise", _rise(facts.loss, facts.loss_foreseen) if enough else None, triggers.loss_surprise),
        ("expected_loss_rise", _rise(facts.expected_loss, facts.reference_loss), triggers.expected_loss_rise),
        ("new_labels", float(facts.new_labels), triggers.new_labels),
        ("age_nights", float(facts.age_nights), triggers.age_nights),
        ("drift", facts.drifted_share, None if drift is None else drift.share),
    )
    for name, value, threshold in measured:
        if threshold is not None:
            yield _finding(name, value, float(threshold), triggers, facts)


def _finding(name: str, value: float | None, threshold: float, triggers: Triggers, facts: Facts) -> Finding:
    if value is None or math.isnan(value):
        return Finding(trigger=name, value=None, threshold=threshold, state=State.NOT_ENOUGH)
    if value <= threshold:
        return Finding(trigger=name, value=value, threshold=threshold, state=State.QUIET)
    note = _waits(name, triggers, facts)
    return Finding(
        trigger=name, value=value, threshold=threshold, state=State.ABOVE if note else State.FIRED, note=note
    )


def _waits(name: str, triggers: Triggers, facts: Facts) -> str:
    """Return why a trigger that is above its threshold does not ask; "" when it does."""
    if name == "drift" and triggers.drift is not None and not triggers.drift.asks:
        return "shown, not obeyed"
    risen_from = {"loss_rise": facts.reference_loss, "loss_surprise": facts.loss_foreseen}
    if name in risen_from and not (_rise(facts.loss_low, risen_from[name]) or 0) > 0:
        return "its interval holds 0"
    needed = triggers.persisting(name)
    seen = 1 + sum(name in earlier for earlier in facts.above[: needed.among - 1])
    return "" if seen >= needed.nights else f"{seen} of {needed.among} nights, needs {needed.nights}"


def _rise(loss: float | None, reference: float | None) -> float | None:
    return loss / reference - 1 if loss is not None and reference else None


def _shown(value: float | None) -> str:
    return "missing" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _quiet(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return "no trigger is switched on"
    short = [finding.trigger for finding in findings if finding.state is State.NOT_ENOUGH]
    passed = [f"{finding.trigger} ({finding.note})" for finding in findings if finding.state is State.ABOVE]
    told = [f"above a threshold: {', '.join(passed)}"] if passed else []
    return "; ".join(["nothing fired", *told, *([f"too little to tell: {', '.join(short)}"] if short else [])])
