"""The gate: champion and challenger on the same frozen rows, and one of three verdicts.

It turns one way: ties and doubts keep the champion, and a number that is missing refuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ml.arrays import Booleans, Floats, Strings
from ml.checks import Answer as Answer
from ml.checks import Check as Check
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import Target, Words
from ml.usecase import Gates

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The frozen rows, later than anything either model learned from: labels and both models' scores, each (n,).

    `champion` holds the prior's scores where there is no champion yet, or none that can be evaluated; `baselines` the
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

    `gain` is of the target's loss, which its `words` name, `cost_gain` of the use case's cost for 1000 rows.
    """

    outcome: Outcome
    bar: Bar
    gain: Interval
    cost_gain: Interval
    rows: int
    nights: int
    checks: tuple[Check, ...]
    words: Words

    @property
    def reason(self) -> str:
        """Return in a sentence which checks decided."""
        if self.outcome is Outcome.UNEVALUABLE:
            return f"all {len(self.checks)} checks passed against {self.words.prior}, but the champion could not be evaluated"
        short = [f"{c.name} {shown(c.value)} (bar: {c.bar})" for c in self.checks if c.answer is not Answer.PASS]
        if not short:
            return f"all {len(self.checks)} checks of the {self.bar} bar passed"
        return f"{self.bar} bar: " + "; ".join(short)


def judge(judged: Judged, gates: Gates, bar: Bar, target: Target, also: tuple[Check, ...] = ()) -> Verdict:
    """Return whether the challenger may replace the champion, with every number and bar; `also` are checks made elsewhere."""
    lost, paid = (
        of(judged.labels, judged.champion) - of(judged.labels, judged.challenger)
        for of in (target.row_loss, target.row_cost)
    )
    gain, cost_gain = (
        intervals.mean_by_night(each, judged.nights, gates.confidence, _SEED) for each in (lost, 1000 * paid)
    )
    checks = (
        *target.floors(judged.labels, judged.challenger, gates),
        *_beaten(judged, target),
        _gain(gain, gates, bar, target.words),
        _cost(cost_gain, gates),
        *_slices(judged, lost, gates, target.words.loss),
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
        words=target.words,
    )


def _outcome(checks: tuple[Check, ...], bar: Bar) -> Outcome:
    answers = {check.answer for check in checks}
    if Answer.FAIL in answers:
        return Outcome.KEEP
    if bar is Bar.ALONE:
        return Outcome.UNEVALUABLE
    return Outcome.INCONCLUSIVE if Answer.INCONCLUSIVE in answers else Outcome.PROMOTE


def _beaten(judged: Judged, target: Target) -> tuple[Check, ...]:
    """Return a check for each baseline: a model that it equals is not worth its keep."""
    own = float(target.row_loss(judged.labels, judged.challenger).mean())
    gains = {
        f"{target.words.loss} gain on the baseline {name}": float(target.row_loss(judged.labels, scores).mean()) - own
        for name, scores in judged.baselines.items()
    }
    return tuple(
        Check(name=name, value=gain, bar="above 0", answer=Answer.of(gain > 0)) for name, gain in gains.items()
    )


def _gain(gain: Interval, gates: Gates, bar: Bar, words: Words) -> Check:
    match bar:
        case Bar.BOOTSTRAP | Bar.ALONE:
            wanted, answer = f"not shown worse than {words.prior}", Answer.of(gain.high > 0)
        case Bar.CHANGE:
            wanted, answer = f"the {gates.confidence:.0%} interval above 0", _shown_above(gain, 0.0)
        case Bar.REFRESH:
            wanted = f"above 0, the {gates.confidence:.0%} interval above -{gates.refresh_margin}"
            answer = _shown_above(gain, -gates.refresh_margin)
    name = f"{words.loss} gain [{gain.low:.4f}, {gain.high:.4f}]"
    return Check(name=name, value=gain.value, bar=wanted, answer=answer)


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


def _slices(judged: Judged, lost: Floats, gates: Gates, loss: str) -> tuple[Check, ...]:
    """Return a check for each slice: it fails where the challenger is shown worse beyond the margin (Bonferroni)."""
    confidence = 1 - (1 - gates.confidence) / max(len(judged.slices), 1)
    checks = []
    for name, mask in judged.slices.items():
        gain = intervals.mean_by_night(lost[mask], judged.nights[mask], confidence, _SEED)
        worse = not gain.high >= -gates.slice_margin
        checks.append(
            Check(
                name=f"slice {name}: {loss} gain",
                value=gain.value,
                bar=f"not shown worse than -{gates.slice_margin}",
                answer=Answer.of(not worse),
            )
        )
    return tuple(checks)


def shown(value: float | None) -> str:
    """Return a check's number as people read it; a missing one says so."""
    return "missing" if value is None else f"{value:.4f}"
