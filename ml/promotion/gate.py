"""The promotion gate: it compares champion and challenger on the same frozen rows and returns a verdict.

Ties and doubts keep the champion, and a missing number fails its check.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ml.arrays import Booleans, Floats, Strings
from ml.governance.checks import Check as Check
from ml.governance.checks import CheckStatus as CheckStatus
from ml.promotion import paired_gains
from ml.promotion.paired_gains import MIN_NIGHTS_ALONE, GainBounds
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import DisplayNames, Target
from ml.usecase import Gates

SHOWN_BETTER = "shown better"
_SEED = 20130201


class GateRule(StrEnum):
    """The rule that applies to a challenger.

    `BOOTSTRAP`: a first model must not be shown worse than the prior. `CHANGE` (another recipe) and `REFRESH` (the same
    recipe on newer data): the challenger must be shown better than the champion. What differs is what may follow when
    that is not shown: see `ml.promotion.adoption`. `CHAMPION_UNAVAILABLE`: the champion cannot be evaluated; the
    challenger must pass as a first model, but that is not enough to replace the champion.
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

    `gain` is the champion's mean loss minus the challenger's: positive if the challenger is better. `centred_gain` is
    the same for the centred loss (`ml.promotion.paired_gains`), None with too few rows a night; `cost_gain` for the use
    case's cost per 1000 rows. All have an interval over nights. `display_names` names the loss. `admitted` says on what
    other evidence a challenger is admitted that the gate alone did not show better, "" if it is not.
    """

    outcome: Outcome
    rule: GateRule
    gain: Interval
    cost_gain: Interval
    rows: int
    nights: int
    checks: tuple[Check, ...]
    display_names: DisplayNames
    centred_gain: Interval | None = None
    admitted: str = ""

    @property
    def is_only_unproven(self) -> bool:
        """Whether the challenger passed every check but that it is shown better than the champion."""
        open_checks = [each.name for each in self.checks if each.status is not CheckStatus.PASS]
        return open_checks == [SHOWN_BETTER]

    @property
    def reason(self) -> str:
        """Return a sentence that names the checks that decided the outcome."""
        if self.admitted:
            return self.admitted
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
    days, with a fixed seed.
    """
    holdout = replace(holdout, nights=paired_gains.to_days(holdout.nights))
    gains = paired_gains.measure(holdout.labels, holdout.champion, holdout.challenger, holdout.nights, target)
    cost_gains = target.row_cost(holdout.labels, holdout.champion) - target.row_cost(holdout.labels, holdout.challenger)
    cost_gain = intervals.mean_by_night(1000 * cost_gains, holdout.nights, gates.confidence, _SEED)
    gain = paired_gains.bounds(gains.loss, holdout.nights, gates.confidence, _SEED)
    centred_gain = (
        None
        if gains.centred_loss is None
        else paired_gains.bounds(gains.centred_loss, holdout.nights, gates.confidence, _SEED)
    )
    checks = (
        *target.floor_checks(holdout.labels, holdout.challenger, gates),
        *_baseline_checks(holdout, target),
        *_gain_checks(gain, centred_gain, len(set(holdout.nights)), gates, rule, target.display_names),
        _cost_check(cost_gain, gates),
        *_slice_checks(holdout, gains.loss, gates, target.display_names.loss),
        *extra_checks,
    )
    return PromotionVerdict(
        outcome=_outcome(checks, rule),
        rule=rule,
        gain=gain.interval,
        centred_gain=None if centred_gain is None else centred_gain.interval,
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


def _gain_checks(
    gain: GainBounds,
    centred_gain: GainBounds | None,
    nights: int,
    gates: Gates,
    rule: GateRule,
    display_names: DisplayNames,
) -> tuple[Check, ...]:
    """Return the checks of the gain in loss and, compared with a champion, of the gain in centred loss."""
    name = f"{display_names.loss} gain {_describe(gain.interval)}"
    if rule in (GateRule.BOOTSTRAP, GateRule.CHAMPION_UNAVAILABLE):
        status = CheckStatus.from_bool(gain.interval.high > 0)
        bar = f"not shown worse than {display_names.prior}"
        return (Check(name=name, value=gain.interval.value, bar=bar, status=status),)
    centred_name = f"centred {display_names.loss} gain"
    measured = {name: gain}
    if centred_gain is not None:
        measured[f"{centred_name} {_describe(centred_gain.interval)}"] = centred_gain
    bar = f"not shown worse ({gates.confidence:.0%}, one-sided)"
    return (
        *(
            Check(
                name=each,
                value=found.interval.value,
                bar=bar,
                status=CheckStatus.from_bool(found.is_compatible_with_no_loss),
            )
            for each, found in measured.items()
        ),
        _superiority_check(gain, centred_gain, nights, gates, display_names),
    )


def _superiority_check(
    gain: GainBounds, centred_gain: GainBounds | None, nights: int, gates: Gates, display_names: DisplayNames
) -> Check:
    """Return the check that the challenger is shown better in loss or in centred loss.

    The centred loss alone does not see whether the challenger's level is right. It decides only with enough nights, and
    if the gain in loss is also shown to be above minus the margin (`Gates.refresh_margin`).
    """
    values = [each.interval.value for each in (gain, centred_gain) if each is not None]
    status = CheckStatus.INCONCLUSIVE if any(value > 0 for value in values) else CheckStatus.FAIL
    low, setting = gain.interval.low, ""
    bar = f"the {gates.confidence:.0%} interval of the {display_names.loss} gain above 0"
    if centred_gain is not None and nights >= MIN_NIGHTS_ALONE:
        low, setting = max(low, centred_gain.interval.low), "gates.refresh_margin"
        bar += f", or that of the centred gain above 0 and that of the gain above -{gates.refresh_margin:g}"
        if centred_gain.is_shown_better and gain.interval.low > -gates.refresh_margin:
            status = CheckStatus.PASS
    if gain.is_shown_better:
        status = CheckStatus.PASS
    return Check(name=SHOWN_BETTER, value=low, bar=bar, status=status, setting=setting)


def _describe(interval: Interval) -> str:
    return f"[{interval.low:.4f}, {interval.high:.4f}]"


def _cost_check(gain: Interval, gates: Gates) -> Check:
    return Check(
        name=f"cost gain per 1000 rows [{gain.low:,.0f}, {gain.high:,.0f}]",
        value=gain.value,
        bar=f"not shown below 0 ({gates.confidence:.0%})",
        status=CheckStatus.from_bool(gain.high >= 0),
    )


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
