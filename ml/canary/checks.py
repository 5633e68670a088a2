"""What is watched while a canary answers: each check's number and bar, and after how many observations it was shown."""

from dataclasses import dataclass

import numpy as np

from ml.arrays import Booleans, Floats, Integers
from ml.canary import evalues
from ml.canary.seen import Rows, Scores, Seen, rounds
from ml.checks import Answer, Check
from ml.targets import Target
from ml.usecase import Canary, Experiment, Milliseconds

_TAIL = 0.05


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


def scores(seen: Seen, rule: Canary, target: Target, alpha: float) -> Watched:
    """Return how often the two models are further apart, on the same row, than all but a tenth of the shadow's rows.

    Apart is a difference of log-odds, or of units: weather moves both models' scores, and a night's own are no measure of
    the next.
    """
    earlier, now = _moved(seen.shadow, target), _moved(seen.rows.scores, target)
    bar = _Bar(margin=2 * _TAIL + rule.scores_margin, alpha=alpha, needed=rule.shadow_answers, of="rows as a shadow")
    name = "rows scored further from the champion than as a shadow"
    if len(earlier) < rule.shadow_answers or not len(now):
        return _watched(name, None, len(earlier), bar, None)
    low, high = np.quantile(earlier, [_TAIL, 1 - _TAIL])
    outside = ((now < low) | (now > high)).astype(np.float64)
    return _watched(name, float(outside.mean()), len(earlier), bar, evalues.shown_after(outside, bar.margin, bar.alpha))


def calibration(rows: Rows, rule: Canary, target: Target, alpha: float) -> Watched:
    """Return by how much further the calibration gap is from 0 than the champion's, on the labelled rows.

    Too high is shown when two things are: above what came, and above the champion's, each by more than the margin; too
    low likewise. What moves a whole night moves both models, so that it shows neither.
    """
    known, likeness = rows.matured, target.likeness
    labels, canary, champion = (each[known] for each in (rows.labels, rows.scores.canary, rows.scores.champion))
    shown = []
    for side in (1, -1):
        (ours, due), (theirs, _) = (likeness.said_and_due(labels, each, side) for each in (canary, champion))
        shown.append(_both(side * (ours - theirs), side * (ours - due), rule.calibration_margin, alpha / 2))
    gap = abs(likeness.gap(labels, canary)) - abs(likeness.gap(labels, champion)) if known.any() else None
    bar = _Bar(margin=rule.calibration_margin, alpha=alpha, needed=rule.least_labels, of="labels")
    return _watched("calibration gap beyond the champion's", gap, len(labels), bar, _first(shown))


def cost(rows: Rows, rule: Canary, target: Target, alpha: float) -> Watched:
    """Return by how much a row's decision costs more than the champion's, as a share of what the target's margins are of."""
    known, price, most = rows.matured, target.likeness.price, target.likeness.dearest
    canary, champion = (
        target.row_cost(rows.labels[known], each[known]) for each in (rows.scores.canary, rows.scores.champion)
    )
    dearer = canary - champion
    bar = _Bar(margin=rule.cost_margin, alpha=alpha, needed=rule.least_labels, of="labels")
    shown = evalues.difference_shown_after(np.clip(dearer / most, -1, 1), rule.cost_margin * price / most, alpha)
    value = float(dearer.mean()) / price if len(dearer) else None
    name = f"cost of a row's decision beyond the champion's, of {target.words.priced}"
    return _watched(name, value, len(dearer), bar, shown)


def _in_time(name: str, seen: Seen, ours: Booleans, theirs: Booleans, bar: _Bar) -> Watched:
    """Return the check of a share among the canary's answers, less that among the champion's in the same time."""
    mine, others = rounds(seen.canary.at, seen.champion.at)
    difference = _mean_by(mine, ours, mine) - _mean_by(others, theirs, mine)
    shown = evalues.difference_shown_after(difference, bar.margin, bar.alpha)
    value = float(ours.mean() - (theirs.mean() if len(theirs) else 0.0)) if len(ours) else None
    after = None if shown is None else int(((mine >= 0) & (mine < shown)).sum())
    return _watched(f"{name} beyond the champion's", value, seen.canary.since(seen.began), bar, after)


def _mean_by(round_: Integers, holds: Booleans, of: Integers) -> Floats:
    """Return in what share of each round's answers it holds, one for each round that there is in `of`; 0 of none."""
    inside, rounds_ = round_ >= 0, int(of.max(initial=-1)) + 1
    total = np.bincount(round_[inside], minlength=rounds_)
    return np.bincount(round_[inside], weights=holds[inside], minlength=rounds_) / np.maximum(total, 1)


def _moved(scores: Scores, target: Target) -> Floats:
    """Return by how much the canary is moved from the champion, where both have a score."""
    return target.likeness.moved(scores.canary[scores.known], scores.champion[scores.known])


def _both(one: Floats, other: Floats, margin: float, alpha: float) -> int | None:
    """Return after how many differences both means are shown to be above the margin."""
    first = evalues.difference_shown_after(one, margin, alpha)
    second = None if first is None else evalues.difference_shown_after(other, margin, alpha)
    return None if first is None or second is None else max(first, second)


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
