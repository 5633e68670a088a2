"""The promotion gate: it compares champion and challenger on the same frozen rows and returns a verdict.

Ties and doubts keep the champion, and a missing number fails its check.
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
    """The rule that applies to a challenger.

    `BOOTSTRAP`: a first model must not be shown worse than the prior. `CHANGE`: another recipe must be shown better
    than the champion. `REFRESH`: the same recipe on newer data must be better, and shown not worse than the margin.
    `CHAMPION_UNAVAILABLE`: the champion cannot be evaluated; the challenger must pass as a first model, but that is not
    enough to replace the champion.
    """

    BOOTSTRAP = "bootstrap"
    CHAMPION_UNAVAILABLE = "champion_unavailable"
    CHANGE = "change"
    REFRESH = "refresh"


class Outcome(StrEnum):
    """The outcome for a challenger; `UNEVALUABLE`: the champion could not be evaluated, so people must decide."""

    PROMOTE = "promote"
    KEEP = "keep"
    INCONCLUSIVE = "inconclusive"
    UNEVALUABLE = "unevaluable"


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldoutScores:
    """The frozen holdout rows: labels and both models' scores, each of shape (n,).

    Their nights are later than all rows that either model was fitted on. `champion` has the prior's scores if there is
    no champion, or none that can be evaluated. `slices` are masks and `baselines` scores, each (n,), by name.
    """

    labels: Floats
    champion: Floats
    challenger: Floats
    nights: Strings
    slices: Mapping[str, Booleans]
    baselines: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class PromotionVerdict:
    """The gate's verdict, with its checks.

    `gain` is the champion's mean loss minus the challenger's: positive if the challenger is better. `cost_gain` is the
    same for the use case's cost per 1000 rows. Both have an interval over nights. `display_names` names the loss.
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
        """Return a sentence that names the checks that decided the outcome."""
        if self.outcome is Outcome.UNEVALUABLE:
            passed = f"all {len(self.checks)} checks passed against {self.display_names.prior}"
            return f"{passed}, but the champion could not be evaluated"
        not_passed = [each.describe() for each in self.checks if each.status is not CheckStatus.PASS]
        if not not_passed:
            return f"all {len(self.checks)} checks of the {self.rule} bar passed"
        return f"{self.rule} bar: " + "; ".join(not_passed)


def judge(
    holdout: HoldoutScores, gates: Gates, rule: GateRule, target: Target, extra_checks: tuple[Check, ...] = ()
) -> PromotionVerdict:
    """Return the verdict on whether the challenger may replace the champion, with every check, its number and its bar.

    `extra_checks`, such as those of fairness, count like the gate's own. Intervals come from a paired bootstrap over
    nights, with a fixed seed.
    """
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
    """Return a check for each baseline; the challenger must have a lower loss than the baseline."""
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
    setting = "gates.refresh_margin" if rule is GateRule.REFRESH else ""
    return Check(name=name, value=gain.value, bar=criterion, status=answer, setting=setting)


def _cost_check(gain: Interval, gates: Gates) -> Check:
    return Check(
        name=f"cost gain per 1000 rows [{gain.low:,.0f}, {gain.high:,.0f}]",
        value=gain.value,
        bar=f"not shown below 0 ({gates.confidence:.0%})",
        status=CheckStatus.from_bool(gain.high >= 0),
    )


def _significantly_above(gain: Interval, minimum: float) -> CheckStatus:
    """Return fail without a gain, inconclusive if the interval reaches `minimum` or below, else pass."""
    if not gain.value > 0:
        return CheckStatus.FAIL
    return CheckStatus.PASS if gain.low > minimum else CheckStatus.INCONCLUSIVE


def _slice_checks(holdout: HoldoutScores, loss_gains: Floats, gates: Gates, loss: str) -> tuple[Check, ...]:
    """Return a check for each slice: it fails if the challenger is shown worse than the margin (Bonferroni)."""
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
                setting="gates.slice_margin",
            )
        )
    return tuple(checks)
