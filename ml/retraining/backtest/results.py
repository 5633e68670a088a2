"""Results of a backtest: the quality of each policy on the same rows, and paired differences with intervals.

The rows of one week are correlated, so weeks are the sampling unit: the bootstrap draws whole weeks (months, if each
night is a month). A difference is reported only if its interval does not contain 0.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ml.arrays import Floats, Integers, Strings
from ml.retraining.backtest.context import BacktestContext, PolicyRun
from ml.retraining.backtest.history import TrainedModel, Trainings
from ml.retraining.backtest.policies import Triggered
from ml.retraining.backtest.simulation import served_scores
from ml.retraining.triggers import TriggerState
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import Quality, Target

_SEED = 20130206
_CHECK_KIND = re.compile(r" \[|=|:")


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockResult:
    """The result of one policy on a block of nights, which begins with `first_night`."""

    first_night: str
    rows: int
    loss: float
    calibration_gap: float
    saved_per_1000: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyResult:
    """The result of one policy: models requested and released after the first, and quality, overall and by block.

    `fired_counts` has the number of decisions at which each trigger fired. `failed_check_counts` has the number of
    models that did not pass each kind of the gate's checks.
    """

    policy: str
    trainings: int
    releases: int
    quality: Quality
    blocks: tuple[BlockResult, ...]
    requested_nights: tuple[str, ...]
    released_nights: tuple[str, ...]
    fired_counts: Mapping[str, int]
    failed_check_counts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyDifference:
    """The differences of policy `first` minus policy `second`, with intervals over blocks.

    `loss` is the difference in mean loss, and `saved` the difference in savings per 1000 rows.
    """

    first: str
    second: str
    loss: Interval
    saved: Interval

    @property
    def summary(self) -> str:
        """A sentence on which policy is better; it states no difference if the interval of the loss contains 0.

        >>> loss, saved = Interval(value=0.02, low=0.01, high=0.03), Interval(value=-9.0, low=-15.0, high=-3.0)
        >>> PolicyDifference(first="never", second="every@28", loss=loss, saved=saved).summary
        'every@28 is better than never'
        """
        if not is_significant(self.loss):
            return "no difference shown"
        better, worse = (self.second, self.first) if self.loss.value > 0 else (self.first, self.second)
        return f"{better} is better than {worse}"


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results of all policies on the same rows, all pairwise differences, and the first and last night.

    `prices` are the prices of a retraining that the use case or a policy declares, in order, without CPU time.
    """

    nights: tuple[str, str]
    rows: int
    block_count: int
    policies: tuple[PolicyResult, ...]
    differences: tuple[PolicyDifference, ...]
    prices: tuple[float, ...] = ()

    def net_per_1000(self, policy: PolicyResult, price: float) -> float:
        """Return what a policy saved per 1000 rows, minus its trainings at this price each."""
        return policy.quality.saved_per_1000 - 1000 * price * policy.trainings / self.rows


def is_significant(interval: Interval) -> bool:
    """Return whether an interval excludes 0.

    >>> is_significant(Interval(value=0.02, low=0.01, high=0.03))
    True
    >>> is_significant(Interval(value=0.1, low=0.0, high=0.2))
    False
    """
    return interval.low > 0 or interval.high < 0


def measure(runs: Sequence[PolicyRun], context: BacktestContext, trainings: Trainings, confidence: float) -> Results:
    """Return the result of each run, and the difference of each pair of runs, on all labelled rows."""
    rows = labelled_rows(context)
    history = context.history
    labels, nights = history.labels[rows], history.nights[rows]
    night_blocks = block_starts(nights, context)
    target = _target(context, trainings)
    scores = {run.policy.name: served_scores(run, context, trainings)[rows] for run in runs}
    return Results(
        nights=(str(context.period.first), str(context.period.last)),
        rows=len(labels),
        block_count=len(set(night_blocks)),
        policies=tuple(
            _policy_result(run, scores[run.policy.name], labels, nights, night_blocks, target) for run in runs
        ),
        differences=tuple(
            compare(first, second, labels, night_blocks, target, confidence)
            for first, second in combinations(scores.items(), 2)
        ),
        prices=_prices(runs, context),
    )


def _prices(runs: Sequence[PolicyRun], context: BacktestContext) -> tuple[float, ...]:
    declared = [context.case.triggers, *(run.policy.triggers for run in runs if isinstance(run.policy, Triggered))]
    return tuple(sorted({each.worth.total(0) for each in declared if each.worth is not None}))


def compare(
    first: tuple[str, Floats],
    second: tuple[str, Floats],
    labels: Floats,
    night_blocks: Strings,
    target: Target,
    confidence: float,
) -> PolicyDifference:
    """Return the paired difference of two policies, each given by its name and scores (n,).

    `labels` and `night_blocks` (the first night of each row's block) have shape (n,).
    """
    loss_differences, savings_differences = (
        row_metric(labels, first[1]) - row_metric(labels, second[1])
        for row_metric in (target.row_loss, lambda labels, scores: -1000 * target.row_cost(labels, scores))
    )
    loss, saved = (
        intervals.mean_by_night(each, night_blocks, confidence, _SEED)
        for each in (loss_differences, savings_differences)
    )
    return PolicyDifference(first=first[0], second=second[0], loss=loss, saved=saved)


def block_starts(nights: Strings, context: BacktestContext) -> Strings:
    """Return the first night of each row's block, shape (n,); blocks are counted from the first simulated night."""
    schedule, size = context.case.schedule, context.case.schedule.nights_per_block
    simulated_nights = schedule.nights(context.period)
    starts = {
        str(night): str(simulated_nights[position - position % size]) for position, night in enumerate(simulated_nights)
    }
    return np.array([starts[str(night)] for night in nights], object)


def labelled_rows(context: BacktestContext) -> Integers:
    """Return the indices of the rows of the simulated nights that have a label."""
    rows = context.history.rows(context.period.first, context.period.last)
    indices: Integers = rows.start + np.flatnonzero(~np.isnan(context.history.labels[rows]))
    return indices


def _target(context: BacktestContext, trainings: Trainings) -> Target:
    """Return the target of the first model, by which all policies are measured."""
    first = trainings[context.initial_training]
    assert isinstance(first, TrainedModel)
    return first.target


def _policy_result(
    run: PolicyRun, scores: Floats, labels: Floats, nights: Strings, night_blocks: Strings, target: Target
) -> PolicyResult:
    return PolicyResult(
        policy=run.policy.name,
        trainings=run.training_count,
        releases=run.release_count,
        quality=target.measure(labels, scores, nights),
        blocks=tuple(
            _block_result(str(block), labels[night_blocks == block], scores[night_blocks == block], target)
            for block in np.unique(night_blocks)
        ),
        requested_nights=tuple(str(record.night) for record in run.records if record.decision.retrain),
        released_nights=tuple(str(term.first_night) for term in run.champion_terms if term.is_adopted),
        fired_counts=_count_names(
            {finding.trigger for finding in record.decision.findings if finding.state is TriggerState.FIRED}
            for record in run.records
        ),
        failed_check_counts=_count_names(
            {_CHECK_KIND.split(name)[0] for name in record.failed_checks} for record in run.records
        ),
    )


def _count_names(by_record: Iterable[set[str]]) -> dict[str, int]:
    """Return the number of records with each name, the most frequent first.

    >>> _count_names([{"drift"}, {"loss_rise", "drift"}])
    {'drift': 2, 'loss_rise': 1}
    """
    names = [name for each in by_record for name in sorted(each)]
    return dict(Counter(names).most_common())


def _block_result(first_night: str, labels: Floats, scores: Floats, target: Target) -> BlockResult:
    performance = target.measure_performance(labels, scores, 1)
    return BlockResult(
        first_night=first_night,
        rows=len(labels),
        loss=performance.loss,
        calibration_gap=performance.calibration_gap,
        saved_per_1000=performance.saved_per_1000,
    )
