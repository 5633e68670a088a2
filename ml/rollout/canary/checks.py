"""The sequential checks of a canary: each has a number, a bar, and the number of observations after which it failed."""

from dataclasses import dataclass

import numpy as np

from ml.arrays import Booleans, Floats, Integers
from ml.governance.checks import Check, CheckStatus
from ml.rollout.canary.observations import CanaryObservations, ComparedRows, PairedScores, assign_rounds
from ml.statistics import sequential_tests
from ml.targets import Target
from ml.usecase import Canary, Experiment, Milliseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class SequentialCheck(Check):
    """A check on a stream of observations.

    Its status is fail from `failed_after` observations on. Otherwise it is inconclusive while there are fewer
    observations (`observed`, counted in `unit`) than `min_observations`, and pass from then on.
    """

    observed: int
    min_observations: int
    unit: str
    failed_after: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Threshold:
    """The tolerated margin, the probability of a false alarm, and the required number of observations."""

    margin: float
    alpha: float
    min_observations: int
    unit: str


def service_checks(
    observations: CanaryObservations,
    rule: Canary | Experiment,
    budget: Milliseconds | None,
    alpha: float,
    min_responses: int,
) -> list[SequentialCheck]:
    """Return the checks of faults and slow answers of the canary, compared with the champion's in the same time.

    A slow answer is above the latency budget; without one, slowness is not compared. Other programs slow down both
    models, so they do not decide. `alpha` is the probability of a false alarm of each check, and
    `min_responses` the required number of answers at the present share.
    """
    fault_threshold = _Threshold(
        margin=rule.fault_margin, alpha=alpha, min_observations=min_responses, unit="answers at this share"
    )
    slow_threshold = _Threshold(
        margin=rule.slow_margin, alpha=alpha, min_observations=min_responses, unit="answers at this share"
    )
    faults = _excess_share_check(
        "faults", observations, observations.canary.is_fault, observations.champion.is_fault, fault_threshold
    )
    if budget is None:
        return [faults, _unmeasured_slowness()]
    is_slow = [~(each.latency_ms <= budget.p99) for each in (observations.canary, observations.champion)]
    name = f"answers above {budget.p99:g} ms"
    return [faults, _excess_share_check(name, observations, is_slow[0], is_slow[1], slow_threshold)]


def _unmeasured_slowness() -> SequentialCheck:
    return SequentialCheck(
        name="slow answers",
        value=None,
        bar="not measured: the use case declares no serving (latency_budget)",
        status=CheckStatus.PASS,
        observed=0,
        min_observations=0,
        unit="answers",
    )


def rank_order_check(observations: CanaryObservations, rule: Canary, alpha: float) -> SequentialCheck:
    """Return the check of how often the two models order consecutive rows differently, minus the shadow's rate.

    It detects a constant or scrambled model. Order is compared because conditions that affect all scores of a night
    change their level and differences, but hardly their order.
    """
    shadow_disagreement, canary_disagreement = (
        _order_disagreements(observations.shadow),
        _order_disagreements(observations.rows.scores),
    )
    shadow_rows = int(observations.shadow.is_complete.sum())
    threshold = _Threshold(
        margin=rule.scores_margin, alpha=alpha, min_observations=rule.min_shadow_rows, unit="rows as a shadow"
    )
    name = "rows in another order than the champion's beyond the shadow's"
    if shadow_rows < rule.min_shadow_rows or not len(shadow_disagreement) or not len(canary_disagreement):
        return _sequential_check(name, None, shadow_rows, threshold, None)
    shadow_rate = float(shadow_disagreement.mean())
    rejected_pairs = sequential_tests.rejected_after(canary_disagreement, shadow_rate + threshold.margin, alpha)
    return _sequential_check(
        name,
        float(canary_disagreement.mean()) - shadow_rate,
        shadow_rows,
        threshold,
        None if rejected_pairs is None else 2 * rejected_pairs,
    )


def score_level_check(observations: CanaryObservations, rule: Canary, target: Target, alpha: float) -> SequentialCheck:
    """Return the check of the canary's mean shift from the champion's scores, relative to its shift as a shadow.

    The shift is measured by night, over completed nights, in either direction.
    """
    shadow_rows = int(observations.shadow.is_complete.sum())
    completed_nights = observations.rows.completed_nights
    shadow_shifts, canary_shifts = (
        _score_shifts(each, target) for each in (observations.shadow, observations.rows.scores)
    )
    shift_by_night = completed_nights.mean_by_night(canary_shifts) - float(
        shadow_shifts[observations.shadow.is_complete].mean() if shadow_rows else 0.0
    )
    rejections = [
        sequential_tests.t_test_rejected_after(side * shift_by_night, rule.level_margin, alpha / 2) for side in (1, -1)
    ]
    threshold = _Threshold(
        margin=rule.level_margin, alpha=alpha, min_observations=rule.min_nights, unit="nights that are over"
    )
    name, is_sufficient = (
        f"{target.display_names.score_level} moved from where the shadow's were",
        shadow_rows >= rule.min_shadow_rows and len(shift_by_night),
    )
    return _sequential_check(
        name,
        abs(float(shift_by_night.mean())) if is_sufficient else None,
        len(shift_by_night),
        threshold,
        _earliest(rejections) if is_sufficient else None,
    )


def calibration_check(
    rows: ComparedRows, rule: Canary, target: Target, matured_share: float, alpha: float
) -> SequentialCheck:
    """Return the check of how much larger the canary's calibration gap is than the champion's, over labelled nights.

    It fails if the canary's scores are shown too high, or too low. Too high means: higher than the labels and higher
    than the champion's scores, each by more than the margin. A canary that scores like the champion therefore does not
    fail because of a night on which both are off.
    """
    nights = rows.labelled_nights(matured_share)
    rejections, gaps = [], []  # a gap lies on one side, so that the other's is below 0
    for side in (1, -1):
        (canary, reference), (champion, _) = (
            map(nights.mean_by_night, target.score_distance.calibration_terms(rows.labels, each, side))
            for each in (rows.scores.canary, rows.scores.champion)
        )
        rejections.append(
            _both_rejected_after(
                side * (canary - champion), side * (canary - reference), rule.calibration_margin, alpha / 2
            )
        )
        gaps.append([side * each for each in (canary - reference, champion - reference)])
    n_nights, excess = len(nights.selected_nights), None
    if n_nights:
        canary_gap, champion_gap = (
            max(0.0, *(float(each.mean()) for each in model_gaps)) for model_gaps in zip(*gaps, strict=True)
        )
        excess = canary_gap - champion_gap
    threshold = _Threshold(
        margin=rule.calibration_margin, alpha=alpha, min_observations=rule.min_nights, unit="nights with their labels"
    )
    return _sequential_check(
        "calibration gap beyond the champion's", excess, n_nights, threshold, _earliest(rejections)
    )


def cost_check(rows: ComparedRows, rule: Canary, target: Target, matured_share: float, alpha: float) -> SequentialCheck:
    """Return the check of the canary's extra cost per row, in units of `cost_scale`, over labelled nights."""
    canary, champion = (target.row_cost(rows.labels, each) for each in (rows.scores.canary, rows.scores.champion))
    extra_cost = rows.labelled_nights(matured_share).mean_by_night(canary - champion) / target.score_distance.cost_scale
    threshold = _Threshold(
        margin=rule.cost_margin, alpha=alpha, min_observations=rule.min_nights, unit="nights with their labels"
    )
    rejected_after = sequential_tests.t_test_rejected_after(extra_cost, threshold.margin, alpha)
    value = float(extra_cost.mean()) if len(extra_cost) else None
    return _sequential_check(target.display_names.cost_increase, value, len(extra_cost), threshold, rejected_after)


def _excess_share_check(
    name: str, observations: CanaryObservations, canary_flags: Booleans, champion_flags: Booleans, threshold: _Threshold
) -> SequentialCheck:
    """Return the check of the share of flagged answers of the canary, minus the champion's share in the same time."""
    canary_rounds, champion_rounds = assign_rounds(observations.canary.timestamps, observations.champion.timestamps)
    difference = _share_by_round(canary_rounds, canary_flags, canary_rounds) - _share_by_round(
        champion_rounds, champion_flags, canary_rounds
    )
    rejected_round = sequential_tests.difference_rejected_after(difference, threshold.margin, threshold.alpha)
    value = (
        float(canary_flags.mean() - (champion_flags.mean() if len(champion_flags) else 0.0))
        if len(canary_flags)
        else None
    )
    failed_after = (
        None if rejected_round is None else int(((canary_rounds >= 0) & (canary_rounds < rejected_round)).sum())
    )
    return _sequential_check(
        f"{name} beyond the champion's",
        value,
        observations.canary.count_since(observations.share_started_at),
        threshold,
        failed_after,
    )


def _share_by_round(round_index: Integers, flags: Booleans, all_rounds: Integers) -> Floats:
    """Return the share of flagged answers in each round of `all_rounds`; 0 for a round without answers."""
    in_round, n_rounds = round_index >= 0, int(all_rounds.max(initial=-1)) + 1
    total = np.bincount(round_index[in_round], minlength=n_rounds)
    return np.bincount(round_index[in_round], weights=flags[in_round], minlength=n_rounds) / np.maximum(total, 1)


def _order_disagreements(scores: PairedScores) -> Floats:
    """Return 1 for each pair of consecutive scored rows that the models order differently, else 0; shape (pairs,)."""
    canary, champion = (each[scores.is_complete] for each in (scores.canary, scores.champion))
    pairs = len(canary) // 2 * 2
    ordered = [np.sign(each[1:pairs:2] - each[:pairs:2]) for each in (canary, champion)]
    return np.asarray(ordered[0] != ordered[1], np.float64)


def _score_shifts(scores: PairedScores, target: Target) -> Floats:
    """Return the shift of the canary's scores from the champion's, shape (n,); NaN where either has no score."""
    canary, champion = (np.where(scores.is_complete, each, np.nan) for each in (scores.canary, scores.champion))
    return target.score_distance.shift(canary, champion)


def _both_rejected_after(first_values: Floats, second_values: Floats, margin: float, alpha: float) -> int | None:
    """Return the number of nights after which both means are shown to be above the margin; None if they are not."""
    rejections = [sequential_tests.t_test_rejected_after(each, margin, alpha) for each in (first_values, second_values)]
    return None if None in rejections else max(each for each in rejections if each is not None)


def _earliest(rejections: list[int | None]) -> int | None:
    return min((each for each in rejections if each is not None), default=None)


def _sequential_check(
    name: str, value: float | None, observed: int, threshold: _Threshold, failed_after: int | None
) -> SequentialCheck:
    """Return the check: fail once shown, inconclusive without a number or with too few observations, else pass."""
    if failed_after is not None:
        status = CheckStatus.FAIL
    else:
        status = (
            CheckStatus.INCONCLUSIVE if value is None or observed < threshold.min_observations else CheckStatus.PASS
        )
    return SequentialCheck(
        name=name,
        value=value,
        bar=f"not shown above {threshold.margin:g}",
        status=status,
        observed=observed,
        min_observations=threshold.min_observations,
        unit=threshold.unit,
        failed_after=failed_after,
    )
