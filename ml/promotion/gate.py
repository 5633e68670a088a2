"""The gate: champion and challenger on the same frozen rows, and one of three verdicts.

It turns one way: ties and doubts keep the champion, and a number that is missing refuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ml.arrays import Booleans, Floats, Strings
from ml.governance.checks import Check as Check
from ml.governance.checks import CheckStatus as CheckStatus
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import DisplayNames, Target
from ml.usecase import Gates

_SEED = 20130201


class GateRule(StrEnum):
    """What must be shown: a first model's worth, a changed recipe's gain, a refreshed recipe's harmlessness.

    `CHAMPION_UNAVAILABLE` is for a challenger whose champion cannot be evaluated: it must show a first model's worth, and that is not
    enough to replace anything.
    """

    BOOTSTRAP = "bootstrap"
    CHAMPION_UNAVAILABLE = "champion_unavailable"
    CHANGE = "change"
    REFRESH = "refresh"


class Outcome(StrEnum):
    """What became of a challenger; `UNEVALUABLE` when its champion could not be, and people must decide."""

    PROMOTE = "promote"
    KEEP = "keep"
    INCONCLUSIVE = "inconclusive"
    UNEVALUABLE = "unevaluable"


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldoutScores:
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
class PromotionVerdict:
    """What the gate found; gains are the champion's loss minus the challenger's, positive when it is better.

    `gain` is of the target's loss, which its `words` name, `cost_gain` of the use case's cost for 1000 rows.
    """

    outcome: Outcome
    rule: GateRule
    gain: Interval
    cost_gain: Interval
    rows: int
    nights: int
    checks: tuple[Check, ...]
    display_names: DisplayNames

    @property
    def reason(self) -> str:
        """Return in a sentence which checks decided."""
        if self.outcome is Outcome.UNEVALUABLE:
            return f"all {len(self.checks)} checks passed against {self.display_names.prior}, but the champion could not be evaluated"
        not_passed = [
            f"{c.name} {format_number(c.value)} (bar: {c.bar})" for c in self.checks if c.status is not CheckStatus.PASS
        ]
        if not not_passed:
            return f"all {len(self.checks)} checks of the {self.rule} bar passed"
        return f"{self.rule} bar: " + "; ".join(not_passed)


def judge(
    holdout: HoldoutScores, gates: Gates, rule: GateRule, target: Target, extra_checks: tuple[Check, ...] = ()
) -> PromotionVerdict:
    """Return whether the challenger may replace the champion, with every number and bar; `also` are checks made elsewhere."""
    loss_gains, cost_gains = (
        row_metric(holdout.labels, holdout.champion) - row_metric(holdout.labels, holdout.challenger)
        for row_metric in (target.row_loss, target.row_cost)
    )
    gain, cost_gain = (
        intervals.mean_by_night(each, holdout.nights, gates.confidence, _SEED)
        for each in (loss_gains, 1000 * cost_gains)
    )
    checks = (
        *target.floor_checks(holdout.labels, holdout.challenger, gates),
        *_baseline_checks(holdout, target),
        _gain_check(gain, gates, rule, target.display_names),
        _cost_check(cost_gain, gates),
        *_slice_checks(holdout, loss_gains, gates, target.display_names.loss),
        *extra_checks,
    )
    return PromotionVerdict(
        outcome=_outcome(checks, rule),
        rule=rule,
        gain=gain,
        cost_gain=cost_gain,
        rows=len(holdout.labels),
        nights=len(set(holdout.nights)),
        checks=checks,
        display_names=target.display_names,
    )


def _outcome(checks: tuple[Check, ...], rule: GateRule) -> Outcome:
    answers = {check.status for check in checks}
    if CheckStatus.FAIL in answers:
        return Outcome.KEEP
    if rule is GateRule.CHAMPION_UNAVAILABLE:
        return Outcome.UNEVALUABLE
    return Outcome.INCONCLUSIVE if CheckStatus.INCONCLUSIVE in answers else Outcome.PROMOTE


def _baseline_checks(holdout: HoldoutScores, target: Target) -> tuple[Check, ...]:
    """Return a check for each baseline: a model that it equals is not worth its keep."""
    challenger_loss = float(target.row_loss(holdout.labels, holdout.challenger).mean())
    gains = {
        f"{target.display_names.loss} gain on the baseline {name}": float(
            target.row_loss(holdout.labels, scores).mean()
        )
        - challenger_loss
        for name, scores in holdout.baselines.items()
    }
    return tuple(
        Check(name=name, value=gain, bar="above 0", status=CheckStatus.from_bool(gain > 0))
        for name, gain in gains.items()
    )


def _gain_check(gain: Interval, gates: Gates, rule: GateRule, display_names: DisplayNames) -> Check:
    match rule:
        case GateRule.BOOTSTRAP | GateRule.CHAMPION_UNAVAILABLE:
            criterion, answer = f"not shown worse than {display_names.prior}", CheckStatus.from_bool(gain.high > 0)
        case GateRule.CHANGE:
            criterion, answer = f"the {gates.confidence:.0%} interval above 0", _significantly_above(gain, 0.0)
        case GateRule.REFRESH:
            criterion = f"above 0, the {gates.confidence:.0%} interval above -{gates.refresh_margin}"
            answer = _significantly_above(gain, -gates.refresh_margin)
    name = f"{display_names.loss} gain [{gain.low:.4f}, {gain.high:.4f}]"
    return Check(name=name, value=gain.value, bar=criterion, status=answer)


def _cost_check(gain: Interval, gates: Gates) -> Check:
    return Check(
        name=f"cost gain per 1000 rows [{gain.low:,.0f}, {gain.high:,.0f}]",
        value=gain.value,
        bar=f"not shown below 0 ({gates.confidence:.0%})",
        status=CheckStatus.from_bool(gain.high >= 0),
    )


def _significantly_above(gain: Interval, minimum: float) -> CheckStatus:
    """Return fail without a gain, inconclusive while the interval reaches below `least`, else pass."""
    if not gain.value > 0:
        return CheckStatus.FAIL
    return CheckStatus.PASS if gain.low > minimum else CheckStatus.INCONCLUSIVE


def _slice_checks(holdout: HoldoutScores, loss_gains: Floats, gates: Gates, loss: str) -> tuple[Check, ...]:
    """Return a check for each slice: it fails where the challenger is shown worse beyond the margin (Bonferroni)."""
    confidence = 1 - (1 - gates.confidence) / max(len(holdout.slices), 1)
    checks = []
    for name, mask in holdout.slices.items():
        gain = intervals.mean_by_night(loss_gains[mask], holdout.nights[mask], confidence, _SEED)
        worse = not gain.high >= -gates.slice_margin
        checks.append(
            Check(
                name=f"slice {name}: {loss} gain",
                value=gain.value,
                bar=f"not shown worse than -{gates.slice_margin}",
                status=CheckStatus.from_bool(not worse),
            )
        )
    return tuple(checks)


def format_number(value: float | None) -> str:
    """Return a check's number as people read it; a missing one says so."""
    return "missing" if value is None else f"{value:.4f}"
