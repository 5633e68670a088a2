"""How alike two models' answers to the same rows are, in what an answer is used for: one class for each kind of target."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from ml import deviations, metrics
from ml.arrays import Booleans, Floats
from ml.usecase import Cost, Deviation, Refit

_SMALLEST = 1e-15
_DEAREST_ROW = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class OfProbabilities:
    """Probabilities move in log-odds, and are used by acting above a threshold."""

    cost: Cost

    @property
    def price(self) -> float:
        """What margins of cost are shares of: acting."""
        return self.cost.act

    @property
    def dearest(self) -> float:
        """The most by which one decision on a row may cost more than the other."""
        return max(self.cost.act, self.cost.averted * self.cost.miss - self.cost.act)

    def moved(self, ours: Floats, theirs: Floats) -> Floats:
        """Return by how much log-odds are moved from their scores to ours."""
        kept, before = (special.logit(np.clip(each, _SMALLEST, 1 - _SMALLEST)) for each in (ours, theirs))
        return np.asarray(kept - before)

    def apart(self, ours: Floats, theirs: Floats) -> Floats:
        """Return how far scores lie apart."""
        return np.abs(ours - theirs)

    def most_apart(self, bars: Refit) -> float:
        """Return how far scores of a refit may lie apart in the mean."""
        return bars.scores_apart

    def otherwise(self, ours: Floats, theirs: Floats) -> Booleans:
        """Return where one would act and the other would not."""
        return np.asarray((ours > self.cost.threshold) != (theirs > self.cost.threshold))

    def gap(self, labels: Floats, scores: Floats) -> float:
        """Return mean score less mean label."""
        return metrics.calibration_gap(labels, scores)

    def said_and_due(self, labels: Floats, scores: Floats, _side: int) -> tuple[Floats, Floats]:
        """Return scores and labels: the means of both are the same where scores are right."""
        return scores, labels


@dataclass(frozen=True, kw_only=True, slots=True)
class OfNumbers:
    """Numbers move in their unit, and are used as they are: what differs by no more than an answer's worth is no other.

    `scale` is the pinball loss of always the same answer, `low` to `high` are where answers lie.
    """

    cost: Deviation
    scale: float
    low: float
    high: float

    @property
    def price(self) -> float:
        """What margins of cost are shares of: a row under always the same answer."""
        return (self.cost.under + self.cost.over) * self.scale

    @property
    def dearest(self) -> float:
        """The most that one row counts: what answers may differ by, and no more than ten rows under always the same answer.

        Labels may lie far out; were the furthest the measure, a row would hardly count and nothing ever be shown.
        """
        return min(max(self.cost.under, self.cost.over) * (self.high - self.low), _DEAREST_ROW * self.price)

    def moved(self, ours: Floats, theirs: Floats) -> Floats:
        """Return by how many units answers are moved from theirs to ours."""
        return ours - theirs

    def apart(self, ours: Floats, theirs: Floats) -> Floats:
        """Return the most by which a row's relative loss may differ between the two answers."""
        steepest = max(self.cost.quantile, 1 - self.cost.quantile)
        return np.abs(ours - theirs) * steepest / self.scale

    def most_apart(self, bars: Refit) -> float:
        """Return how far answers of a refit may lie apart in the mean."""
        return bars.answers_apart

    def otherwise(self, ours: Floats, theirs: Floats) -> Booleans:
        """Return where the difference may be worth more than always the same answer loses."""
        return self.apart(ours, theirs) > 1

    def gap(self, labels: Floats, scores: Floats) -> float:
        """Return the share of labels below the answer less the quantile asked for."""
        return deviations.calibration_gap(labels, scores, self.cost.quantile)

    def said_and_due(self, labels: Floats, scores: Floats, side: int) -> tuple[Floats, Floats]:
        """Return where labels lie below answers, and how often they should.

        A label that is the answer counts against neither `side`: not below where answers may be too high (1), else below.
        """
        below = labels < scores if side > 0 else labels <= scores
        return below.astype(np.float64), np.full(len(labels), self.cost.quantile)


Likeness = OfProbabilities | OfNumbers
