"""What policies came to: each measured on the same rows, and differences that are told only where they are shown.

Rows of one week share their luck, so weeks are the sample: whole weeks are drawn with replacement
(where a night is a month, months are).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ml.arrays import Floats, Integers, Strings
from ml.retraining.backtest.context import BacktestContext, PolicyRun
from ml.retraining.backtest.history import TrainedModel
from ml.retraining.backtest.simulation import Trainings, served_scores
from ml.retraining.triggers import TriggerState
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import Quality, Target

_SEED = 20130206
_CHECK_KIND = re.compile(r" \[|=|:")
_NIGHTS_PER_BLOCK = {"day": 7, "month": 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockResult:
    """A block of nights under one policy; it begins with the night `since`."""

    first_night: str
    rows: int
    loss: float
    calibration_gap: float
    saved_per_1000: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyResult:
    """What one policy came to: models asked for and let in after the first, quality on all labelled rows, and by block.

    `fired` counts the looks at which a trigger was above its threshold, `failed` the models that did not pass a check of
    the gate, by the kind of check.
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
    """How much more `one` loses than `other`, and how much less it saves per 1000 rows, with intervals by block."""

    first: str
    second: str
    loss: Interval
    saved: Interval

    @property
    def summary(self) -> str:
        """The difference in words, which claim nothing while the interval of the loss holds 0."""
        if not is_significant(self.loss):
            return "no difference shown"
        better, worse = (self.second, self.first) if self.loss.value > 0 else (self.first, self.second)
        return f"{better} is better than {worse}"


@dataclass(frozen=True, kw_only=True)
class Results:
    """All policies on the same rows, those differences that were asked for, and in which nights the rows lie."""

    nights: tuple[str, str]
    rows: int
    block_count: int
    policies: tuple[PolicyResult, ...]
    differences: tuple[PolicyDifference, ...]


def is_significant(interval: Interval) -> bool:
    """Return whether a difference may be called real: its interval is bounded and does not hold 0."""
    return interval.low > 0 or interval.high < 0


def measure(runs: Sequence[PolicyRun], context: BacktestContext, trainings: Trainings, confidence: float) -> Results:
    """Return what the walks came to, and how each two of them differ."""
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
            _policy_result(walk, scores[walk.policy.name], labels, nights, night_blocks, target) for walk in runs
        ),
        differences=tuple(
            compare(one, other, labels, night_blocks, target, confidence)
            for one, other in combinations(scores.items(), 2)
        ),
    )


def compare(
    first: tuple[str, Floats],
    second: tuple[str, Floats],
    labels: Floats,
    night_blocks: Strings,
    target: Target,
    confidence: float,
) -> PolicyDifference:
    """Return how two policies differ, each a name and scores (n,), on labels (n,) of blocks (n,): paired by row."""
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
    """Return for each row the night with which its block begins, counted from the first that is walked."""
    horizon, size = context.case.horizon, _NIGHTS_PER_BLOCK[context.case.horizon.every]
    simulated_nights = horizon.nights(context.period)
    starts = {
        str(night): str(simulated_nights[position - position % size]) for position, night in enumerate(simulated_nights)
    }
    return np.array([starts[str(night)] for night in nights], object)


def labelled_rows(context: BacktestContext) -> Integers:
    """Return the rows of the walked nights whose label came."""
    rows = context.history.rows(context.period.first, context.period.last)
    indices: Integers = rows.start + np.flatnonzero(~np.isnan(context.history.labels[rows]))
    return indices


def _target(context: BacktestContext, trainings: Trainings) -> Target:
    """Return the target that all are measured by, as the first model knows it."""
    first = trainings[context.initial_training_night]
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
        released_nights=tuple(str(term.first_night) for term in run.champion_terms[1:]),
        fired_counts=_count_names(
            {finding.trigger for finding in look.decision.findings if finding.state is TriggerState.FIRED}
            for look in run.records
        ),
        failed_check_counts=_count_names(
            {_CHECK_KIND.split(name)[0] for name in look.failed_checks} for look in run.records
        ),
    )


def _count_names(by_record: Iterable[set[str]]) -> dict[str, int]:
    """Return at how many looks each name was, the most frequent first."""
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
