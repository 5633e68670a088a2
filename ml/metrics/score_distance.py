"""How alike two models' answers to the same rows are, in what an answer is used for: one class for each kind of target."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from ml.arrays import Booleans, Floats
from ml.usecase import Cost, Deviation, Refit

_SMALLEST = 1e-15


@dataclass(frozen=True, kw_only=True, slots=True)
class OfProbabilities:
    """Probabilities move in log-odds, and are used by acting above a threshold."""

    cost: Cost

    @property
    def price(self) -> float:
        """What margins of cost are shares of: acting."""
        return self.cost.act

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

    def said_and_due(self, labels: Floats, scores: Floats, _side: int) -> tuple[Floats, Floats]:
        """Return scores and labels: the means of both are the same where scores are right."""
        return scores, labels


@dataclass(frozen=True, kw_only=True, slots=True)
class OfNumbers:
    """Numbers move in their unit, and are used as they are: what differs by no more than an answer's worth is no other.

    `scale` is the pinball loss of always the same answer.
    """

    cost: Deviation
    scale: float

    @property
    def price(self) -> float:
        """What margins of cost are shares of: a row under always the same answer."""
        return (self.cost.under + self.cost.over) * self.scale

    def moved(self, ours: Floats, theirs: Floats) -> Floats:
        """Return by how much answers are moved from theirs to ours: the most by which a row's relative loss may differ."""
        steepest = max(self.cost.quantile, 1 - self.cost.quantile)
        return (ours - theirs) * steepest / self.scale

    def apart(self, ours: Floats, theirs: Floats) -> Floats:
        """Return how far answers lie apart, either way."""
        return np.abs(self.moved(ours, theirs))

    def most_apart(self, bars: Refit) -> float:
        """Return how far answers of a refit may lie apart in the mean."""
        return bars.answers_apart

    def otherwise(self, ours: Floats, theirs: Floats) -> Booleans:
        """Return where the difference may be worth more than always the same answer loses."""
        return self.apart(ours, theirs) > 1

    def said_and_due(self, labels: Floats, scores: Floats, side: int) -> tuple[Floats, Floats]:
        """Return where labels lie below answers, and how often they should.

        A label that is the answer counts against neither `side`: not below where answers may be too high (1), else below.
        """
        below = labels < scores if side > 0 else labels <= scores
        return below.astype(np.float64), np.full(len(labels), self.cost.quantile)


Likeness = OfProbabilities | OfNumbers
