"""What is watched while a canary answers: each check's number and bar, and after how many observations it was shown."""

from dataclasses import dataclass

import numpy as np

from ml.arrays import Booleans, Floats, Integers
from ml.checks import Answer, Check
from ml.rollout.canary.observations import Rows, Scores, Seen, rounds
from ml.statistics import sequential_tests
from ml.targets import Target
from ml.usecase import Canary, Experiment, Milliseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched(Check):
    """A check on a stream: what was `seen` of what is `needed` (`of` says of what), and after how many it was shown to fail.

    It answers fail from then on; until then inconclusive while too little was seen, and pass from there.
    """

    seen: int
    needed: int
    of: str
    shown_after: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Bar:
    """By how much a number may be above what excuses it, with which chance of a false alarm, and what must be seen."""

    margin: float
    alpha: float
    needed: int
    of: str


def behaviour(seen: Seen, rule: Canary | Experiment, budget: Milliseconds, alpha: float, needed: int) -> list[Watched]:
    """Return whether the canary has more faults, or more answers above the budget, than the champion in the same time.

    `alpha` is the chance of a false alarm of each check, `needed` how many answers there must be at the present share.
    """
    faults = _Bar(margin=rule.fault_margin, alpha=alpha, needed=needed, of="answers at this share")
    slow = _Bar(margin=rule.slow_margin, alpha=alpha, needed=needed, of="answers at this share")
    late = [~(each.latency_ms <= budget.p99) for each in (seen.canary, seen.champion)]
    return [
        _in_time("faults", seen, seen.canary.faulty, seen.champion.faulty, faults),
        _in_time(f"answers above {budget.p99:g} ms", seen, late[0], late[1], slow),
    ]


def scores(seen: Seen, rule: Canary, alpha: float) -> Watched:
    """Return how often the two models put rows asked one after the other in another order, beyond what the shadow did.

    A constant or scrambled model orders nothing as before. What a night does to all its scores moves
    their levels and differences; it hardly moves their order.
    """
    earlier, now = _disagreeing(seen.shadow), _disagreeing(seen.rows.scores)
    had = int(seen.shadow.known.sum())
    bar = _Bar(margin=rule.scores_margin, alpha=alpha, needed=rule.shadow_answers, of="rows as a shadow")
    name = "rows in another order than the champion's beyond the shadow's"
    if had < rule.shadow_answers or not len(earlier) or not len(now):
        return _watched(name, None, had, bar, None)
    usual = float(earlier.mean())
    pairs = sequential_tests.shown_after(now, usual + bar.margin, alpha)
    return _watched(name, float(now.mean()) - usual, had, bar, None if pairs is None else 2 * pairs)


def level(seen: Seen, rule: Canary, target: Target, alpha: float) -> Watched:
    """Return how far the canary's answers are from where they were beside the champion's as a shadow, over whole nights."""
    had = int(seen.shadow.known.sum())
    nights = seen.rows.over
    before, now = (_moved(each, target) for each in (seen.shadow, seen.rows.scores))
    moved = nights.mean(now) - float(before[seen.shadow.known].mean() if had else 0.0)
    shown = [sequential_tests.mean_shown_after(side * moved, rule.level_margin, alpha / 2) for side in (1, -1)]
    bar = _Bar(margin=rule.level_margin, alpha=alpha, needed=rule.least_nights, of="nights that are over")
    name, enough = f"{target.words.level} moved from where the shadow's were", had >= rule.shadow_answers and len(moved)
    return _watched(
        name, abs(float(moved.mean())) if enough else None, len(moved), bar, _first(shown) if enough else None
    )


def calibration(rows: Rows, rule: Canary, target: Target, matured_share: float, alpha: float) -> Watched:
    """Return by how much further from 0 the calibration gap is than the champion's, over labelled nights.

    Too high is shown when two things are: above what came, and above the champion's, each by more than the margin; too
    low likewise. A canary that scores as the champion does is never far off for what a night brings both.
    """
    nights = rows.labelled(matured_share)
    shown, gaps = [], []  # a gap lies on one side, so that the other's is below 0
    for side in (1, -1):
        (canary, due), (champion, _) = (
            map(nights.mean, target.likeness.said_and_due(rows.labels, each, side))
            for each in (rows.scores.canary, rows.scores.champion)
        )
        shown.append(_both(side * (canary - champion), side * (canary - due), rule.calibration_margin, alpha / 2))
        gaps.append([side * each for each in (canary - due, champion - due)])
    number, beyond = len(nights.kept), None
    if number:
        ours, theirs = (max(0.0, *(float(each.mean()) for each in sides)) for sides in zip(*gaps, strict=True))
        beyond = ours - theirs
    bar = _Bar(margin=rule.calibration_margin, alpha=alpha, needed=rule.least_nights, of="nights with their labels")
    return _watched("calibration gap beyond the champion's", beyond, number, bar, _first(shown))


def cost(rows: Rows, rule: Canary, target: Target, matured_share: float, alpha: float) -> Watched:
    """Return by how much a row's decision costs more than the champion's, as a share of the target's price."""
    canary, champion = (target.row_cost(rows.labels, each) for each in (rows.scores.canary, rows.scores.champion))
    dearer = rows.labelled(matured_share).mean(canary - champion) / target.likeness.price
    bar = _Bar(margin=rule.cost_margin, alpha=alpha, needed=rule.least_nights, of="nights with their labels")
    shown = sequential_tests.mean_shown_after(dearer, bar.margin, alpha)
    value = float(dearer.mean()) if len(dearer) else None
    return _watched(target.words.dearer, value, len(dearer), bar, shown)


def _in_time(name: str, seen: Seen, ours: Booleans, theirs: Booleans, bar: _Bar) -> Watched:
    """Return the check of a share among the canary's answers, less that among the champion's in the same time."""
    mine, others = rounds(seen.canary.at, seen.champion.at)
    difference = _mean_by(mine, ours, mine) - _mean_by(others, theirs, mine)
    shown = sequential_tests.difference_shown_after(difference, bar.margin, bar.alpha)
    value = float(ours.mean() - (theirs.mean() if len(theirs) else 0.0)) if len(ours) else None
    after = None if shown is None else int(((mine >= 0) & (mine < shown)).sum())
    return _watched(f"{name} beyond the champion's", value, seen.canary.since(seen.began), bar, after)


def _mean_by(round_: Integers, holds: Booleans, of: Integers) -> Floats:
    """Return in what share of each round's answers it holds, one for each round that there is in `of`; 0 of none."""
    inside, rounds_ = round_ >= 0, int(of.max(initial=-1)) + 1
    total = np.bincount(round_[inside], minlength=rounds_)
    return np.bincount(round_[inside], weights=holds[inside], minlength=rounds_) / np.maximum(total, 1)


def _disagreeing(scores: Scores) -> Floats:
    """Return, for each two rows that follow each other, 1 where the models do not put them in the same order, else 0."""
    canary, champion = (each[scores.known] for each in (scores.canary, scores.champion))
    pairs = len(canary) // 2 * 2
    ordered = [np.sign(each[1:pairs:2] - each[:pairs:2]) for each in (canary, champion)]
    return np.asarray(ordered[0] != ordered[1], np.float64)


def _moved(scores: Scores, target: Target) -> Floats:
    """Return by how much the canary is moved from the champion, (n,); NaN where one has no score."""
    canary, champion = (np.where(scores.known, each, np.nan) for each in (scores.canary, scores.champion))
    return target.likeness.moved(canary, champion)


def _both(one: Floats, other: Floats, margin: float, alpha: float) -> int | None:
    """Return after how many nights both means are shown to be above the margin."""
    found = [sequential_tests.mean_shown_after(each, margin, alpha) for each in (one, other)]
    return None if None in found else max(each for each in found if each is not None)


def _first(shown: list[int | None]) -> int | None:
    return min((each for each in shown if each is not None), default=None)


def _watched(name: str, value: float | None, seen: int, bar: _Bar, shown_after: int | None) -> Watched:
    """Return the check: fail once shown, inconclusive without a number or while too little was seen, else pass."""
    if shown_after is not None:
        answer = Answer.FAIL
    else:
        answer = Answer.INCONCLUSIVE if value is None or seen < bar.needed else Answer.PASS
    return Watched(
        name=name,
        value=value,
        bar=f"not shown above {bar.margin:g}",
        answer=answer,
        seen=seen,
        needed=bar.needed,
        of=bar.of,
        shown_after=shown_after,
    )
