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
from ml.retraining.backtest.context import Scene, Walk
from ml.retraining.backtest.history import Trained
from ml.retraining.backtest.simulation import Trainings, issued
from ml.retraining.triggers import State
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import Quality, Target

_SEED = 20130206
_KIND = re.compile(r" \[|=|:")
_NIGHTS_A_BLOCK = {"day": 7, "month": 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A block of nights under one policy; it begins with the night `since`."""

    since: str
    rows: int
    loss: float
    calibration_gap: float
    saved_per_1000: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """What one policy came to: models asked for and let in after the first, quality on all labelled rows, and by block.

    `fired` counts the looks at which a trigger was above its threshold, `failed` the models that did not pass a check of
    the gate, by the kind of check.
    """

    policy: str
    trainings: int
    releases: int
    quality: Quality
    stretches: tuple[Stretch, ...]
    asked: tuple[str, ...]
    released: tuple[str, ...]
    fired: Mapping[str, int]
    failed: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """How much more `one` loses than `other`, and how much less it saves per 1000 rows, with intervals by block."""

    one: str
    other: str
    loss: Interval
    saved: Interval

    @property
    def told(self) -> str:
        """The difference in words, which claim nothing while the interval of the loss holds 0."""
        if not is_shown(self.loss):
            return "no difference shown"
        better, worse = (self.other, self.one) if self.loss.value > 0 else (self.one, self.other)
        return f"{better} is better than {worse}"


@dataclass(frozen=True, kw_only=True)
class Results:
    """All policies on the same rows, those differences that were asked for, and in which nights the rows lie."""

    nights: tuple[str, str]
    rows: int
    blocks: int
    played: tuple[Played, ...]
    differences: tuple[Difference, ...]


def is_shown(interval: Interval) -> bool:
    """Return whether a difference may be called real: its interval is bounded and does not hold 0."""
    return interval.low > 0 or interval.high < 0


def measure(walks: Sequence[Walk], scene: Scene, trainings: Trainings, confidence: float) -> Results:
    """Return what the walks came to, and how each two of them differ."""
    rows = labelled(scene)
    past = scene.past
    labels, nights = past.labels[rows], past.nights[rows]
    weeks = blocks(nights, scene)
    target = _target(scene, trainings)
    scores = {walk.policy.name: issued(walk, scene, trainings)[rows] for walk in walks}
    return Results(
        nights=(str(scene.period.first), str(scene.period.last)),
        rows=len(labels),
        blocks=len(set(weeks)),
        played=tuple(_played(walk, scores[walk.policy.name], labels, nights, weeks, target) for walk in walks),
        differences=tuple(
            differ(one, other, labels, weeks, target, confidence) for one, other in combinations(scores.items(), 2)
        ),
    )


def differ(
    one: tuple[str, Floats],
    other: tuple[str, Floats],
    labels: Floats,
    weeks: Strings,
    target: Target,
    confidence: float,
) -> Difference:
    """Return how two policies differ, each a name and scores (n,), on labels (n,) of blocks (n,): paired by row."""
    lost, paid = (
        of(labels, one[1]) - of(labels, other[1])
        for of in (target.row_loss, lambda labels, scores: -1000 * target.row_cost(labels, scores))
    )
    loss, saved = (intervals.mean_by_night(each, weeks, confidence, _SEED) for each in (lost, paid))
    return Difference(one=one[0], other=other[0], loss=loss, saved=saved)


def blocks(nights: Strings, scene: Scene) -> Strings:
    """Return for each row the night with which its block begins, counted from the first that is walked."""
    horizon, size = scene.case.horizon, _NIGHTS_A_BLOCK[scene.case.horizon.every]
    walked = horizon.nights(scene.period)
    begins = {str(night): str(walked[place - place % size]) for place, night in enumerate(walked)}
    return np.array([begins[str(night)] for night in nights], object)


def labelled(scene: Scene) -> Integers:
    """Return the rows of the walked nights whose label came."""
    rows = scene.past.rows(scene.period.first, scene.period.last)
    found: Integers = rows.start + np.flatnonzero(~np.isnan(scene.past.labels[rows]))
    return found


def _target(scene: Scene, trainings: Trainings) -> Target:
    """Return the target that all are measured by, as the first model knows it."""
    first = trainings[scene.beginning]
    assert isinstance(first, Trained)
    return first.target


def _played(walk: Walk, scores: Floats, labels: Floats, nights: Strings, weeks: Strings, target: Target) -> Played:
    return Played(
        policy=walk.policy.name,
        trainings=walk.trainings,
        releases=walk.releases,
        quality=target.measure(labels, scores, nights),
        stretches=tuple(
            _stretch(str(week), labels[weeks == week], scores[weeks == week], target) for week in np.unique(weeks)
        ),
        asked=tuple(str(look.night) for look in walk.looks if look.decision.retrain),
        released=tuple(str(reign.since) for reign in walk.reigns[1:]),
        fired=_counted(
            {finding.trigger for finding in look.decision.findings if finding.state is State.FIRED}
            for look in walk.looks
        ),
        failed=_counted({_KIND.split(name)[0] for name in look.failed} for look in walk.looks),
    )


def _counted(by_look: Iterable[set[str]]) -> dict[str, int]:
    """Return at how many looks each name was, the most frequent first."""
    names = [name for found in by_look for name in sorted(found)]
    return dict(Counter(names).most_common())


def _stretch(since: str, labels: Floats, scores: Floats, target: Target) -> Stretch:
    found = target.perform(labels, scores, 1)
    return Stretch(
        since=since,
        rows=len(labels),
        loss=found.loss,
        calibration_gap=found.calibration_gap,
        saved_per_1000=found.saved_per_1000,
    )
