"""Whether a model that learned from the judged rows too is still the model that was judged: four numbers, each with a bar.

All are taken on the judged rows. The refit has seen their labels, so a lower log loss there says nothing for it, and it
differs from the judged model there more than it will on rows that neither has seen: the bars err on the side of the
judged model.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml import metrics
from ml.arrays import Floats
from ml.promotion import Answer, Check
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


def measure(labels: Floats, judged: Floats, refit: Floats, threshold: float, bars: Refit) -> tuple[Check, ...]:
    """Return the checks of the scores `refit` beside those of the `judged` model, each (n,); a missing number fails.

    `labels` are 0 or 1, and who scores above `threshold` is acted on.
    """
    rise = metrics.log_loss(labels, refit) - metrics.log_loss(labels, judged)
    return (
        _at_most("mean distance of scores", float(np.abs(refit - judged).mean()), bars.scores_apart),
        _at_most("share of decisions that change", _flipped(judged, refit, threshold), bars.flipped),
        _at_most("rise of log loss", rise, bars.log_loss_rise),
        _at_least("rank correlation of scores", _rank_correlation(judged, refit), bars.least_rank),
    )


def _flipped(judged: Floats, refit: Floats, threshold: float) -> float:
    known = np.isfinite(judged) & np.isfinite(refit)
    return float(np.mean((judged > threshold) != (refit > threshold))) if known.all() else float("nan")


def _rank_correlation(judged: Floats, refit: Floats) -> float:
    """Return Spearman's rho, ties sharing their mean rank; 1 where neither tells any row from another."""
    if not (np.isfinite(judged).all() and np.isfinite(refit).all()):
        return float("nan")
    if np.ptp(judged) == 0 and np.ptp(refit) == 0:
        return 1.0
    one, other = (pd.Series(each).rank() for each in (judged, refit))
    return float(np.corrcoef(one, other)[0, 1]) if np.ptp(judged) and np.ptp(refit) else 0.0


def _at_most(name: str, value: float, most: float) -> Check:
    return Check(name=name, value=_known(value), bar=f"at most {most:g}", answer=Answer.of(value <= most))


def _at_least(name: str, value: float, least: float) -> Check:
    return Check(name=name, value=_known(value), bar=f"at least {least:g}", answer=Answer.of(value >= least))


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
