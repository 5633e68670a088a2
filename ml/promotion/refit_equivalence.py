"""Whether a model that learned from the judged rows too is still the model that was judged: four numbers, each with a bar.

Scores are compared on rows that neither has learned from, those that still wait for their labels: on the judged rows a
refit repeats what it was told, and differs by that. The loss needs labels, so it is the judged rows'; a refit that has
learned from them and still does worse there is broken, and one that does better has shown nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Floats
from ml.checks import Answer, Check
from ml.targets import Target
from ml.usecase import Refit


@dataclass(frozen=True, kw_only=True, slots=True)
class Refitted:
    """How a refit compares with the model `judged`; both are digests of packages, `refit` "" where it tells of itself."""

    judged: str
    refit: str
    checks: tuple[Check, ...]

    @property
    def agrees(self) -> bool:
        """Return whether every check passed, so that the refit may stand for the judged model."""
        return all(each.answer is Answer.PASS for each in self.checks)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The scores of the same rows by the model that was judged and by the refit, each (n,)."""

    judged: Floats
    refit: Floats

    @property
    def known(self) -> bool:
        """Return whether there are rows, and none lacks a score."""
        return len(self.judged) > 0 and bool(np.isfinite(self.judged + self.refit).all())


def measure(ahead: Pair, seen: Pair, labels: Floats, target: Target, bars: Refit) -> tuple[Check, ...]:
    """Return the checks of a refit on rows `ahead` and on those `seen`, the judged ones, with their `labels`.

    A missing number fails.
    """
    likeness, words = target.likeness, target.words
    rise = float(target.row_loss(labels, seen.refit).mean()) - float(target.row_loss(labels, seen.judged).mean())
    return (
        _at_most(words.apart, _mean(likeness.apart, ahead), likeness.most_apart(bars)),
        _at_most("share of decisions that change", _mean(likeness.otherwise, ahead), bars.flipped),
        _at_least("rank correlation of scores", _rank_correlation(ahead), bars.least_rank),
        _at_most(f"rise of {words.loss} on the judged rows", rise, bars.loss_rise),
    )


def _mean(compared: Callable[[Floats, Floats], Floats | Booleans], scores: Pair) -> float:
    return float(compared(scores.refit, scores.judged).mean()) if scores.known else np.nan


def _rank_correlation(scores: Pair) -> float:
    """Return Spearman's rho, ties sharing their mean rank; 1 where neither tells any row from another."""
    if not scores.known:
        return np.nan
    told = [bool(np.ptp(each)) for each in (scores.judged, scores.refit)]
    if not all(told):
        return float(not any(told))
    one, other = (pd.Series(each).rank() for each in (scores.judged, scores.refit))
    return float(np.corrcoef(one, other)[0, 1])


def _at_most(name: str, value: float, most: float) -> Check:
    return Check(name=name, value=_known(value), bar=f"at most {most:g}", answer=Answer.of(value <= most))


def _at_least(name: str, value: float, least: float) -> Check:
    return Check(name=name, value=_known(value), bar=f"at least {least:g}", answer=Answer.of(value >= least))


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
