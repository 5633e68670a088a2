"""May a night's scores be issued? They are held against the entities of the night, and against the nights issued last.

Every bar is a size of effect, so a night of a million rows is judged as one of a thousand. Numbers that cannot be had yet
(too few nights, too few rows) are inconclusive and hold nothing back: a first night has nothing to be like.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ml import profiles
from ml.checks import Answer, Check
from ml.profiles import Profile
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


def judge(batch: Batch, before: Sequence[Mapping[str, Profile]], bars: Issuing) -> Verdict:
    """Return the verdict on `batch` beside the profiles of the nights issued last, `before`."""
    checks = [
        _within("scores that are no answer", float(batch.wrong), 0, 0),
        _within("entities with a score", _share(batch.rows, batch.entities), bars.least_coverage, 1),
        _rows(batch, before, bars),
    ]
    return Verdict(checks=(*checks, *_scores(batch, before, bars), _features(batch, before, bars)))


def _rows(batch: Batch, before: Sequence[Mapping[str, Profile]], bars: Issuing) -> Check:
    usual = [night[SCORE].rows for night in before]
    beside = batch.rows / median(usual) if len(usual) >= bars.least_nights and median(usual) else None
    return _within("rows, as a multiple of the last nights' median", beside, bars.least_rows, bars.most_rows)


def _scores(batch: Batch, before: Sequence[Mapping[str, Profile]], bars: Issuing) -> tuple[Check, Check]:
    found, usual = batch.profiles[SCORE], [night[SCORE] for night in before]
    known = _comparable(found, usual, bars)
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


def _features(batch: Batch, before: Sequence[Mapping[str, Profile]], bars: Issuing) -> Check:
    """Return the check of the features in which the last nights are alike: one that moves every night says nothing."""
    moved = {}
    for name, found in batch.profiles.items():
        known = _comparable(found, [night[name] for night in before if name in night], bars)
        if name != SCORE and known and _of_each_row(known) and _usual(known) <= bars.steady:
            moved[name] = _nearest(found, known) or 0.0
    furthest = sorted(moved, key=lambda name: -moved[name])
    named = ", ".join([name for name in furthest if moved[name] > bars.most_moved_feature][:_NAMED] or furthest[:1])
    return _within(
        f"share of a feature moved from the nearest of the last nights ({named or 'none is steady'})",
        max(moved.values(), default=None),
        0,
        bars.most_moved_feature,
    )


def _of_each_row(known: Sequence[Profile]) -> bool:
    """Whether the rows of a night differ: a number that takes a handful of values is known of places, not of each row."""
    return all(each.shares for each in known) or median(len(set(each.points)) for each in known) >= _DISTINCT


def _comparable(found: Profile, usual: Sequence[Profile], bars: Issuing) -> list[Profile]:
    """Return the nights to compare with, none where they or their rows are too few."""
    known = [each for each in usual if each.rows >= _LEAST_ROWS]
    return known if found.rows >= _LEAST_ROWS and len(known) >= bars.least_nights else []


def _nearest(found: Profile, known: Sequence[Profile]) -> float | None:
    return min((profiles.distance(found, each) for each in known), default=None)


def _usual(known: Sequence[Profile]) -> float:
    """Return the furthest that any of the nights lies from the nearest of the others."""
    return max(
        min(profiles.distance(each, other) for other in known if other is not each) if len(known) > 1 else 1.0
        for each in known
    )


def _share(rows: int, entities: int) -> float:
    return rows / entities if entities else 1.0


def _within(name: str, value: float | None, least: float, most: float | None) -> Check:
    bar = f"at least {least:g}" if most is None else f"{least:g} to {most:g}" if least != most else f"{least:g}"
    if value is None:
        return Check(name=name, value=None, bar=bar, answer=Answer.INCONCLUSIVE)
    return Check(name=name, value=value, bar=bar, answer=Answer.of(value >= least and (most is None or value <= most)))
