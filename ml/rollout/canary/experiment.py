"""The final check of an experiment (A/B test): the cost of both models' decisions, each on the rows that it served."""

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Floats
from ml.governance.checks import CheckStatus
from ml.rollout.canary.checks import SequentialCheck
from ml.rollout.canary.observations import ComparedRows
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import Target
from ml.usecase import Experiment

_SEED = 20130601


def cost_gain_check(rows: ComparedRows, rule: Experiment, target: Target, matured_share: float) -> SequentialCheck:
    """Return the check of how much less 1000 rows cost with the canary than with the champion.

    It uses only the first `rule.nights` nights, so that a later evaluation gives the same result. It is inconclusive
    until all of them have their labels (at least `matured_share` of their rows). Then it fails unless the interval lies
    above 0: a tie keeps the champion.
    """
    labelled_nights = _labelled_nights(rows, rule.nights, matured_share)
    gain = (
        _cost_gain(rows, target, np.isin(rows.nights, labelled_nights), rule.confidence)
        if len(labelled_nights) == rule.nights
        else None
    )
    interval_text = "" if gain is None else f" [{gain.low:,.0f}, {gain.high:,.0f}]"
    status = (
        CheckStatus.INCONCLUSIVE
        if len(labelled_nights) < rule.nights
        else CheckStatus.from_bool(gain is not None and gain.low > 0)
    )
    return SequentialCheck(
        name=f"cost gain per 1000 rows{interval_text}",
        value=None if gain is None else gain.value,
        bar=f"the {rule.confidence:.0%} interval above 0",
        status=status,
        observed=len(labelled_nights),
        min_observations=rule.nights,
        unit="nights with their labels",
    )


def _labelled_nights(rows: ComparedRows, max_nights: int, matured_share: float) -> list[str]:
    """Return those of the first `max_nights` nights in which at least `matured_share` of the rows have labels."""
    night_index, nights = pd.factorize(rows.nights, sort=True)
    labelled_share = np.bincount(night_index, weights=np.isfinite(rows.labels)) / np.bincount(night_index)
    return [
        night
        for night, share in zip(nights[:max_nights], labelled_share[:max_nights], strict=True)
        if share >= matured_share
    ]


def _cost_gain(rows: ComparedRows, target: Target, included: Booleans, confidence: float) -> Interval | None:
    """Return the champion's minus the canary's mean cost of 1000 rows; None if there is no interval."""
    scores = np.where(rows.served_by_canary, rows.scores.canary, rows.scores.champion)
    usable = included & np.isfinite(scores) & np.isfinite(rows.labels)
    row_costs = target.row_cost(rows.labels[usable], scores[usable])
    night_index, nights = pd.factorize(rows.nights[usable], sort=True)

    def mean_cost(drawn: Floats, included_rows: Booleans) -> Floats:
        total, number = (
            np.bincount(night_index[included_rows], weights=each[included_rows], minlength=len(nights))
            for each in (row_costs, np.ones(len(row_costs)))
        )
        return np.asarray((drawn @ total) / (drawn @ number))

    is_canary = rows.served_by_canary[usable]
    return intervals.bootstrap_nights(
        lambda drawn: 1000 * (mean_cost(drawn, ~is_canary) - mean_cost(drawn, is_canary)),
        len(nights),
        confidence,
        _SEED,
    )
