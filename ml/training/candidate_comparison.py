"""Paired comparison of candidates by cost and by loss, on the out-of-fold rows that all of them have scores for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from ml.arrays import Floats, Strings
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.targets import Target

_SEED = 20130117


class Criterion(StrEnum):
    """What decided the choice of a candidate, in the order in which the criteria are applied."""

    BUDGET = "budget"
    COST = "cost"
    LOSS = "loss"
    SIMPLICITY = "simplicity"


@dataclass(frozen=True, kw_only=True, slots=True)
class OutOfFoldRows:
    """Rows that no fold's learner was fitted on: `labels`, `nights` and each candidate's `scores`, each of shape (n,).

    All candidates of a training share the folds, so they have scores for the same rows. `nights` are ISO dates.
    """

    labels: Floats
    nights: Strings
    scores: Mapping[str, Floats]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The mean cost per 1000 rows and the mean loss of `candidate` minus those of `other`, with intervals over nights.

    A negative difference is in favour of `candidate`. A difference is shown if its interval excludes 0.

    >>> costs_less = Interval(value=-5.0, low=-8.0, high=-2.0)
    >>> unclear = Interval(value=0.1, low=-0.1, high=0.3)
    >>> each = Comparison(candidate="a", other="b", cost=costs_less, loss=unclear)
    >>> each.shown_worse(Criterion.COST), each.shown_worse(Criterion.LOSS)
    ('b', None)
    """

    candidate: str
    other: str
    cost: Interval
    loss: Interval

    @property
    def cost_text(self) -> str:
        """The difference in cost per 1000 rows, with its interval.

        >>> cost, loss = Interval(value=-1234.0, low=-2000.0, high=-468.0), Interval(value=0.0, low=0.0, high=0.0)
        >>> Comparison(candidate="a", other="b", cost=cost, loss=loss).cost_text
        '-1,234 [-2,000, -468]'
        """
        return f"{self.cost.value:+,.0f} [{self.cost.low:+,.0f}, {self.cost.high:+,.0f}]"

    @property
    def loss_text(self) -> str:
        """The difference in loss, with its interval."""
        return f"{self.loss.value:+.4f} [{self.loss.low:+.4f}, {self.loss.high:+.4f}]"

    @property
    def names(self) -> frozenset[str]:
        """The names of the two candidates."""
        return frozenset((self.candidate, self.other))

    def difference(self, criterion: Criterion) -> Interval:
        """Return the difference in cost, or in loss."""
        return self.cost if criterion is Criterion.COST else self.loss

    def shown_worse(self, criterion: Criterion) -> str | None:
        """Return the name of the candidate that is shown to be worse; None if neither is."""
        difference = self.difference(criterion)
        if difference.low > 0:
            return self.candidate
        return self.other if difference.high < 0 else None

    def seen_from(self, name: str) -> "Comparison":
        """Return the comparison with `name`, one of the two, as its `candidate`."""
        if name == self.candidate:
            return self
        return Comparison(
            candidate=self.other, other=self.candidate, cost=_negative(self.cost), loss=_negative(self.loss)
        )


def compare(names: Sequence[str], rows: OutOfFoldRows, target: Target, confidence: float) -> tuple[Comparison, ...]:
    """Return the comparison of each pair of the candidates `names`, in their order.

    The intervals of one criterion hold for all pairs together at `confidence` (Bonferroni). They treat the night as the
    unit of sampling; see `intervals.mean_by_night`. With a single night they are unbounded, so nothing is shown.

    >>> import numpy as np
    >>> from ml.targets import binary
    >>> from ml.usecase import Cost
    >>> target = binary.Target(cost=Cost(act=10, miss=50, averted=0.5), prior=0.5)
    >>> labels, nights = np.array([0.0, 1.0] * 4), np.repeat(np.array(["mon", "tue", "wed", "thu"], object), 2)
    >>> scores = {"sharp": np.array([0.1, 0.9] * 4), "dull": np.full(8, 0.5)}
    >>> (each,) = compare(("sharp", "dull"), OutOfFoldRows(labels=labels, nights=nights, scores=scores), target, 0.95)
    >>> each.cost.value, round(each.loss.value, 3), each.shown_worse(Criterion.LOSS)
    (-5000.0, -0.588, 'dull')
    """
    pairs = tuple(combinations(names, 2))
    adjusted = 1 - (1 - confidence) / max(len(pairs), 1)
    costs = {each: 1000 * target.row_cost(rows.labels, rows.scores[each]) for each in names}
    losses = {each: target.row_loss(rows.labels, rows.scores[each]) for each in names}
    return tuple(
        Comparison(
            candidate=one,
            other=other,
            cost=intervals.mean_by_night(costs[one] - costs[other], rows.nights, adjusted, _SEED),
            loss=intervals.mean_by_night(losses[one] - losses[other], rows.nights, adjusted, _SEED),
        )
        for one, other in pairs
    )


def not_shown_worse(names: Sequence[str], comparisons: Collection[Comparison], criterion: Criterion) -> list[str]:
    """Return those of `names` that are not shown worse than any other of `names`, in their order.

    At least one is left: a candidate that is shown worse has the higher mean, so the one with the lowest mean never is.

    >>> def differ(one, other, low, high):
    ...     cost = Interval(value=(low + high) / 2, low=low, high=high)
    ...     return Comparison(candidate=one, other=other, cost=cost, loss=cost)
    >>> pairs = [differ("a", "b", 1, 3), differ("a", "c", -1, 2), differ("b", "c", -4, 1)]  # only a and b differ
    >>> not_shown_worse(("a", "b", "c"), pairs, Criterion.COST)
    ['b', 'c']
    """
    among = [each for each in comparisons if each.names <= set(names)]
    worse = {each.shown_worse(criterion) for each in among}
    return [name for name in names if name not in worse]


def _negative(difference: Interval) -> Interval:
    return Interval(value=0.0 - difference.value, low=0.0 - difference.high, high=0.0 - difference.low)  # 0, never -0
