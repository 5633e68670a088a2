"""Distances between the scores of two models on the same rows, with one class for each kind of target."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from ml.arrays import Booleans, Floats
from ml.usecase import Cost, PinballCost, Refit

_MIN_PROBABILITY = 1e-15


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbabilityDistance:
    """Distances between probabilities: shifts in log-odds, and decisions at the threshold of `cost`."""

    cost: Cost

    @property
    def cost_scale(self) -> float:
        """The unit of margins of cost: the cost of acting once."""
        return self.cost.act

    def shift(self, ours: Floats, theirs: Floats) -> Floats:
        """Return the log-odds of `ours` minus those of `theirs`, shape (n,).

        >>> from ml.usecase import Cost
        >>> distance = ProbabilityDistance(cost=Cost(act=1.0, miss=4.0, averted=0.5))
        >>> distance.shift(np.array([0.75]), np.array([0.5])).round(4).tolist()  # log(3)
        [1.0986]
        """
        our_logits, their_logits = (
            special.logit(np.clip(each, _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)) for each in (ours, theirs)
        )
        return np.asarray(our_logits - their_logits)

    def distance(self, ours: Floats, theirs: Floats) -> Floats:
        """Return the absolute difference of the scores, shape (n,)."""
        return np.abs(ours - theirs)

    def level_shift(self, ours: Floats, theirs: Floats) -> float:
        """Return the mean of `ours` minus the mean of `theirs`."""
        return float(ours.mean() - theirs.mean())

    def max_distance(self, bars: Refit) -> float:
        """Return the largest mean distance that a refit may have from the judged model."""
        return bars.max_score_difference

    def decision_changes(self, ours: Floats, theirs: Floats) -> Booleans:
        """Return where exactly one of the two models would act, shape (n,).

        >>> from ml.usecase import Cost
        >>> distance = ProbabilityDistance(cost=Cost(act=1.0, miss=4.0, averted=0.5))  # acting pays above 0.5
        >>> distance.decision_changes(np.array([0.6, 0.6]), np.array([0.4, 0.9])).tolist()
        [True, False]
        """
        return np.asarray((ours > self.cost.threshold) != (theirs > self.cost.threshold))

    def calibration_terms(self, labels: Floats, scores: Floats, _side: int) -> tuple[Floats, Floats]:
        """Return scores and labels, whose means are equal if the scores are calibrated."""
        return scores, labels


@dataclass(frozen=True, kw_only=True, slots=True)
class RegressionDistance:
    """Distances between predicted numbers, as shares of `scale`, which is the pinball loss of the best constant.

    There is no threshold: a decision counts as changed if the two predictions differ by more than 1.
    """

    cost: PinballCost
    scale: float

    @property
    def cost_scale(self) -> float:
        """The unit of margins of cost: the mean cost of a row under the best constant."""
        return (self.cost.under + self.cost.over) * self.scale

    def shift(self, ours: Floats, theirs: Floats) -> Floats:
        """Return the largest possible change of each row's relative loss, signed as `ours` - `theirs`, shape (n,).

        >>> from ml.usecase import PinballCost
        >>> distance = RegressionDistance(cost=PinballCost(under=3.0, over=1.0), scale=6.0)
        >>> distance.shift(np.array([14.0, 6.0]), np.array([10.0, 10.0])).tolist()  # 4 * max(0.75, 0.25) / 6
        [0.5, -0.5]
        """
        steepest = max(self.cost.quantile, 1 - self.cost.quantile)
        return (ours - theirs) * steepest / self.scale

    def distance(self, ours: Floats, theirs: Floats) -> Floats:
        """Return the absolute value of `shift`, shape (n,)."""
        return np.abs(self.shift(ours, theirs))

    def level_shift(self, ours: Floats, theirs: Floats) -> float:
        """Return the mean of `shift`."""
        return float(self.shift(ours, theirs).mean())

    def max_distance(self, bars: Refit) -> float:
        """Return the largest mean distance that a refit may have from the judged model."""
        return bars.max_answer_difference

    def decision_changes(self, ours: Floats, theirs: Floats) -> Booleans:
        """Return where the two predictions may differ in loss by more than the best constant loses, shape (n,)."""
        return self.distance(ours, theirs) > 1

    def calibration_terms(self, labels: Floats, scores: Floats, side: int) -> tuple[Floats, Floats]:
        """Return whether each label is below its prediction, and the share that should be, each of shape (n,).

        A label that equals its prediction counts in favour of the model: as not below when the test is for predictions
        that are too high (`side` 1), as below when it is for predictions that are too low (`side` -1).
        """
        below = labels < scores if side > 0 else labels <= scores
        return below.astype(np.float64), np.full(len(labels), self.cost.quantile)


ScoreDistance = ProbabilityDistance | RegressionDistance
