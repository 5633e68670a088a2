"""The gate: champion and challenger on the same frozen rows, and one of three verdicts.

It turns one way: ties and doubts keep the champion, and a number that is missing refuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ml import evaluation, metrics
from ml.arrays import Booleans, Floats, Strings
from ml.evaluation import Interval
from ml.usecase import Cost, Gates

_SEED = 20130201


class Bar(StrEnum):
    """What must be shown: a first model's worth, a changed recipe's gain, a refreshed recipe's harmlessness.

    `ALONE` is for a challenger whose champion cannot be evaluated: it must show a first model's worth, and that is not
    enough to replace anything.
    """

    BOOTSTRAP = "bootstrap"
    ALONE = "alone"
    CHANGE = "change"
    REFRESH = "refresh"


class Outcome(StrEnum):
    """What became of a challenger; `UNEVALUABLE` when its champion could not be, and people must decide."""

    PROMOTE = "promote"
    KEEP = "keep"
    INCONCLUSIVE = "inconclusive"
    UNEVALUABLE = "unevaluable"


class Answer(StrEnum):
    PASS = "pass"  # noqa: S105 - an answer, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"

    @classmethod
    def of(cls, holds: bool) -> "Answer":
        """Return pass where it holds, else fail."""
        return cls.PASS if holds else cls.FAIL


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One gate: its number, the bar that the number met or missed, and the answer."""

    name: str
    value: float | None
    bar: str
    answer: Answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The frozen rows, later than anything either model learned from: labels and both models' scores, each (n,).

    `champion` holds the base rate's scores where there is no champion yet, or none that can be evaluated; `baselines` the
    scores of what needs no learning, by name.
    """

    labels: Floats
    champion: Floats
    challenger: Floats
    nights: Strings
    slices: Mapping[str, Booleans]
    baselines: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the gate found; gains are the champion's loss minus the challenger's, positive when it is better.

    `gain` is of log loss, `cost_gain` of the use case's cost for 1000 rows.
    """

    outcome: Outcome
    bar: Bar
    gain: Interval
    cost_gain: Interval
    rows: int
    nights: int
    checks: tuple[Check, ...]

    @property
    def reason(self) -> str:
        """Return in a sentence which checks decided."""
        if self.outcome is Outcome.UNEVALUABLE:
            return (
                f"all {len(self.checks)} checks passed against the base rate, but the champion could not be evaluated"
            )
        short = [f"{c.name} {shown(c.value)} (bar: {c.bar})" for c in self.checks if c.answer is not Answer.PASS]
        if not short:
            return f"all {len(self.checks)} checks of the {self.bar} bar passed"
        return f"{self.bar} bar: " + "; ".join(short)


def judge(judged: Judged, gates: Gates, bar: Bar, cost: Cost, also: tuple[Check, ...] = ()) -> Verdict:
    """Return whether the challenger may replace the champion, with every number and bar; `also` are checks made elsewhere."""
    lost = metrics.row_log_loss(judged.labels, judged.champion) - metrics.row_log_loss(judged.labels, judged.challenger)
    paid = metrics.row_cost(judged.labels, judged.champion, cost) - metrics.row_cost(
        judged.labels, judged.challenger, cost
    )
    gain, cost_gain = (
        evaluation.mean_by_night(each, judged.nights, gates.confidence, _SEED) for each in (lost, 1000 * paid)
    )
    checks = (
        *_floors(judged, gates),
        *_beaten(judged),
        _gain(gain, gates, bar),
        _cost(cost_gain, gates),
        *_slices(judged, lost, gates),
        *also,
    )
    return Verdict(
        outcome=_outcome(checks, bar),
        bar=bar,
        gain=gain,
        cost_gain=cost_gain,
        rows=len(judged.labels),
        nights=len(set(judged.nights)),
        checks=checks,
    )


def _outcome(checks: tuple[Check, ...], bar: Bar) -> Outcome:
    answers = {check.answer for check in checks}
    if Answer.FAIL in answers:
        return Outcome.KEEP
    if bar is Bar.ALONE:
        return Outcome.UNEVALUABLE
    return Outcome.INCONCLUSIVE if Answer.INCONCLUSIVE in answers else Outcome.PROMOTE


def _floors(judged: Judged, gates: Gates) -> tuple[Check, Check]:
    loss = metrics.log_loss(judged.labels, judged.challenger)
    auc = metrics.auc(judged.labels, judged.challenger)
    return (
        Check(
            name="log loss",
            value=loss,
            bar=f"at most {gates.worst_log_loss}",
            answer=Answer.of(loss <= gates.worst_log_loss),
        ),
        Check(
            name="ROC AUC",
            value=auc,
            bar=f"at least {gates.least_auc}",
            answer=Answer.FAIL if auc is None else Answer.of(auc >= gates.least_auc),
        ),
    )


def _beaten(judged: Judged) -> tuple[Check, ...]:
    """Return a check for each baseline: a model that it equals is not worth its keep."""
    own = metrics.log_loss(judged.labels, judged.challenger)
    gains = {name: metrics.log_loss(judged.labels, scores) - own for name, scores in judged.baselines.items()}
    return tuple(
        Check(name=f"log loss gain on the baseline {name}", value=gain, bar="above 0", answer=Answer.of(gain > 0))
        for name, gain in gains.items()
    )


def _gain(gain: Interval, gates: Gates, bar: Bar) -> Check:
    match bar:
        case Bar.BOOTSTRAP | Bar.ALONE:
            wanted, answer = "not shown worse than the base rate", Answer.of(gain.high > 0)
        case Bar.CHANGE:
            wanted, answer = f"the {gates.confidence:.0%} interval above 0", _shown_above(gain, 0.0)
        case Bar.REFRESH:
            wanted = f"above 0, the {gates.confidence:.0%} interval above -{gates.refresh_margin}"
            answer = _shown_above(gain, -gates.refresh_margin)
    return Check(name=f"log loss gain [{gain.low:.4f}, {gain.high:.4f}]", value=gain.value, bar=wanted, answer=answer)


def _cost(gain: Interval, gates: Gates) -> Check:
    return Check(
        name=f"cost gain per 1000 rows [{gain.low:,.0f}, {gain.high:,.0f}]",
        value=gain.value,
        bar=f"not shown below 0 ({gates.confidence:.0%})",
        answer=Answer.of(gain.high >= 0),
    )


def _shown_above(gain: Interval, least: float) -> Answer:
    """Return fail without a gain, inconclusive while the interval reaches below `least`, else pass."""
    if not gain.value > 0:
        return Answer.FAIL
    return Answer.PASS if gain.low > least else Answer.INCONCLUSIVE


def _slices(judged: Judged, lost: Floats, gates: Gates) -> tuple[Check, ...]:
    """Return a check for each slice: it fails where the challenger is shown worse beyond the margin (Bonferroni)."""
    confidence = 1 - (1 - gates.confidence) / max(len(judged.slices), 1)
    checks = []
    for name, mask in judged.slices.items():
        gain = evaluation.mean_by_night(lost[mask], judged.nights[mask], confidence, _SEED)
        worse = not gain.high >= -gates.slice_margin
        checks.append(
            Check(
                name=f"slice {name}: log loss gain",
                value=gain.value,
                bar=f"not shown worse than -{gates.slice_margin}",
                answer=Answer.of(not worse),
            )
        )
    return tuple(checks)


def shown(value: float | None) -> str:
    """Return a check's number as people read it; a missing one says so."""
    return "missing" if value is None else f"{value:.4f}"
