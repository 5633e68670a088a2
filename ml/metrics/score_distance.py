"""How alike two models' answers to the same rows are, in what an answer is used for: one class for each kind of target."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from ml.arrays import Booleans, Floats
from ml.usecase import Cost, PinballCost, Refit

_MIN_PROBABILITY = 1e-15


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbabilityDistance:
    """Probabilities move in log-odds, and are used by acting above a threshold."""

    cost: Cost

    @property
    def cost_scale(self) -> float:
        """What margins of cost are shares of: acting."""
        return self.cost.act

    def shift(self, ours: Floats, theirs: Floats) -> Floats:
        """Return by how much log-odds are moved from their scores to ours."""
        our_logits, their_logits = (
            special.logit(np.clip(each, _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)) for each in (ours, theirs)
        )
        return np.asarray(our_logits - their_logits)

    def distance(self, ours: Floats, theirs: Floats) -> Floats:
        """Return how far scores lie apart."""
        return np.abs(ours - theirs)

    def max_distance(self, bars: Refit) -> float:
        """Return how far scores of a refit may lie apart in the mean."""
        return bars.max_score_difference

    def decision_changes(self, ours: Floats, theirs: Floats) -> Booleans:
        """Return where one would act and the other would not."""
        return np.asarray((ours > self.cost.threshold) != (theirs > self.cost.threshold))

    def calibration_terms(self, labels: Floats, scores: Floats, _side: int) -> tuple[Floats, Floats]:
        """Return scores and labels: the means of both are the same where scores are right."""
        return scores, labels


@dataclass(frozen=True, kw_only=True, slots=True)
class RegressionDistance:
    """Numbers move in their unit, and are used as they are: what differs by no more than an answer's worth is no other.

    `scale` is the pinball loss of always the same answer.
    """

    cost: PinballCost
    scale: float

    @property
    def cost_scale(self) -> float:
        """What margins of cost are shares of: a row under always the same answer."""
        return (self.cost.under + self.cost.over) * self.scale

    def shift(self, ours: Floats, theirs: Floats) -> Floats:
        """Return by how much answers are moved from theirs to ours: the most by which a row's relative loss may differ."""
        steepest = max(self.cost.quantile, 1 - self.cost.quantile)
        return (ours - theirs) * steepest / self.scale

    def distance(self, ours: Floats, theirs: Floats) -> Floats:
        """Return how far answers lie apart, either way."""
        return np.abs(self.shift(ours, theirs))

    def max_distance(self, bars: Refit) -> float:
        """Return how far answers of a refit may lie apart in the mean."""
        return bars.max_answer_difference

    def decision_changes(self, ours: Floats, theirs: Floats) -> Booleans:
        """Return where the difference may be worth more than always the same answer loses."""
        return self.distance(ours, theirs) > 1

    def calibration_terms(self, labels: Floats, scores: Floats, side: int) -> tuple[Floats, Floats]:
        """Return where labels lie below answers, and how often they should.

        A label that is the answer counts against neither `side`: not below where answers may be too high (1), else below.
        """
        below = labels < scores if side > 0 else labels <= scores
        return below.astype(np.float64), np.full(len(labels), self.cost.quantile)


ScoreDistance = ProbabilityDistance | RegressionDistance
