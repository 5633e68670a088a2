"""May a night's scores be issued? They are held against the entities of the night, and against the nights issued last.

Every bar is a size of effect, so a night of a million rows is judged as one of a thousand. Numbers that cannot be had yet
(too few nights, too few rows) are inconclusive and hold nothing back: a first night has nothing to be like.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ml.checks import Answer, Check
from ml.statistics import column_profiles
from ml.statistics.column_profiles import Profile
from ml.usecase import Issuing

SCORE = "score"
_LEAST_ROWS = 50  # below, two nights that are alike may lie .4 of their rows apart by chance
_DISTINCT, _NAMED = 10, 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """A night's scores before they are issued: how many `entities` it has, how many `rows` were scored.

    `wrong` have no answer, or one that is out of range. `profiles` has that of the column `score`, and of each feature
    that is held against earlier nights.
    """

    entities: int
    rows: int
    wrong: int
    profiles: Mapping[str, Profile]


@dataclass(frozen=True, kw_only=True, slots=True)
class Usual:
    """The nights issued last, by the profiles of their columns, and the features in which they are alike."""

    nights: Sequence[Mapping[str, Profile]]
    steady: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Every check of a night's scores."""

    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.answer is Answer.FAIL)

    @property
    def holds(self) -> bool:
        """Whether the night may be issued."""
        return not self.failed

    @property
    def reason(self) -> str:
        """What failed, each with what was expected and what came."""
        return "; ".join(f"{check.name}: expected {check.bar}, got {check.value:.4g}" for check in self.failed)


def usual(nights: Sequence[Mapping[str, Profile]], bars: Issuing) -> Usual:
    """Return what a night is held against: the `nights` issued last.

    Steady is a feature in which each of them is near another, and whose rows differ within a night: a number that takes
    a handful of values is known of places, not of each row.
    """
    names = {name for night in nights for name in night} - {SCORE}
    return Usual(
        nights=nights, steady=frozenset(name for name in names if _is_steady(_known(nights, name, bars), bars))
    )


def judge(batch: Batch, usual: Usual, bars: Issuing) -> Verdict:
    """Return the verdict on `batch` beside the nights issued last."""
    checks = [
        _within("scores that are no answer", float(batch.wrong), 0, 0),
        _within("entities with a score", _share(batch.rows, batch.entities), bars.least_coverage, 1),
        _rows(batch, usual, bars),
    ]
    return Verdict(checks=(*checks, *_scores(batch, usual, bars), _features(batch, usual, bars)))


def _rows(batch: Batch, usual: Usual, bars: Issuing) -> Check:
    counts = [night[SCORE].rows for night in usual.nights]
    beside = batch.rows / median(counts) if len(counts) >= bars.least_nights and median(counts) else None
    return _within("rows, as a multiple of the last nights' median", beside, bars.least_rows, bars.most_rows)


def _scores(batch: Batch, usual: Usual, bars: Issuing) -> tuple[Check, Check]:
    found = batch.profiles[SCORE]
    known = _known(usual.nights, SCORE, bars) if found.rows >= _LEAST_ROWS else []
    spread = median(each.spread for each in known) if known else 0.0
    return (
        _within(
            "spread of the scores, as a multiple of the last nights' median",
            found.spread / spread if spread else None,
            bars.least_spread,
            None,
        ),
        _within(
            "share of scores moved from the nearest of the last nights", _nearest(found, known), 0, bars.most_moved
        ),
    )


def _features(batch: Batch, usual: Usual, bars: Issuing) -> Check:
    moved = {
        name: _nearest(found, _known(usual.nights, name, bars)) or 0.0
        for name, found in batch.profiles.items()
        if name in usual.steady and found.rows >= _LEAST_ROWS
    }
    furthest = sorted(moved, key=lambda name: -moved[name])
    named = ", ".join([name for name in furthest if moved[name] > bars.most_moved_feature][:_NAMED] or furthest[:1])
    return _within(
        f"share of a feature moved from the nearest of the last nights ({named or 'none is steady'})",
        max(moved.values(), default=None),
        0,
        bars.most_moved_feature,
    )


def _known(nights: Sequence[Mapping[str, Profile]], name: str, bars: Issuing) -> list[Profile]:
    """Return the profiles of a column to compare with, none where nights or their rows are too few."""
    known = [night[name] for night in nights if name in night and night[name].rows >= _LEAST_ROWS]
    return known if len(known) >= bars.least_nights else []


def _is_steady(known: Sequence[Profile], bars: Issuing) -> bool:
    if len(known) < 2:
        return False
    of_each_row = all(each.shares for each in known) or median(len(set(each.points)) for each in known) >= _DISTINCT
    return of_each_row and all(
        min(column_profiles.distance(each, other) for other in known if other is not each) <= bars.steady
        for each in known
    )


def _nearest(found: Profile, known: Sequence[Profile]) -> float | None:
    return min((column_profiles.distance(found, each) for each in known), default=None)


def _share(rows: int, entities: int) -> float:
    return rows / entities if entities else 1.0


def _within(name: str, value: float | None, least: float, most: float | None) -> Check:
    bar = f"at least {least:g}" if most is None else f"{least:g} to {most:g}" if least != most else f"{least:g}"
    if value is None:
        return Check(name=name, value=None, bar=bar, answer=Answer.INCONCLUSIVE)
    return Check(name=name, value=value, bar=bar, answer=Answer.of(value >= least and (most is None or value <= most)))
