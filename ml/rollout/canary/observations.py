"""What a canary is judged on: what each model answered, how soon, and what became of it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Floats, Integers, Strings

_PATIENCE = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """The requests that one package itself answered: when, in seconds, how soon, and whether with a fault; each (n,).

    A request counts once, however many rows it has: they share its fate.
    """

    at: Floats
    latency_ms: Floats
    faulty: Booleans

    def __len__(self) -> int:
        return len(self.at)

    def since(self, began: float) -> int:
        """Return how many of these came at `began` or later."""
        return int((self.at >= began).sum())


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """Both models' scores of the same rows, in the order in which they were asked, each (n,); NaN where there is none."""

    champion: Floats
    canary: Floats

    @property
    def known(self) -> Booleans:
        """Where both have a score."""
        return np.isfinite(self.champion) & np.isfinite(self.canary)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Every row that was asked since the canary began: scores, labels (NaN until known), nights, and who answered, each (n,).

    Whoever did not answer the caller answered a copy, so that the two can be compared on the same rows.
    """

    scores: Scores
    labels: Floats
    nights: Strings
    by_canary: Booleans

    @property
    def matured(self) -> Booleans:
        """Where both have a score and the label is known."""
        return self.scores.known & np.isfinite(self.labels)

    @property
    def over(self) -> "Nights":
        """The nights that are over, a later one having begun, by the rows that both have scored."""
        place, names = pd.factorize(self.nights, sort=True)
        scored = np.bincount(place[self.scores.known], minlength=len(names))
        return Nights(place=np.where(self.scores.known, place, -1), kept=np.flatnonzero(scored[:-1]))

    def labelled(self, share: float) -> "Nights":
        """Return the nights of which at least `share` of the rows that both have scored are labelled, by those rows."""
        place, names = pd.factorize(self.nights, sort=True)
        matured, scored = (np.bincount(place[each], minlength=len(names)) for each in (self.matured, self.scores.known))
        return Nights(
            place=np.where(self.matured, place, -1), kept=np.flatnonzero((matured > 0) & (matured >= share * scored))
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Nights:
    """Some nights in their order: of which of all nights each row is, -1 for no row, and which of them are `kept`."""

    place: Integers
    kept: Integers

    def mean(self, values: Floats) -> Floats:
        """Return the mean of `values` (n,) in each night that is kept."""
        rows = self.place >= 0
        total, number = (np.bincount(self.place[rows], weights=each[rows]) for each in (values, np.ones(len(values))))
        return np.asarray(total[self.kept] / number[self.kept])


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """All there is to judge by: answers and rows since the canary began, and the same two models' scores as a shadow.

    `share` of the entities is the canary's now, and `began` when it was given it.
    """

    share: float
    began: float

    canary: Answers
    champion: Answers
    rows: Rows
    shadow: Scores


def rounds(ours: Floats, theirs: Floats) -> tuple[Integers, Integers]:
    """Return in which round, 0 being the first, each answer of either side falls; -1 after the last whole round.

    A round is over as soon as it has an answer of both sides, so that both were answered in the same time; or of ours
    alone, once there are 5. It depends on no answer that comes later. `ours` (n,) and `theirs` (m,) are when each answered.
    """
    order = np.argsort(np.concatenate([ours, theirs]), kind="stable")
    mine = order < len(ours)
    turns = np.append(np.flatnonzero(np.diff(mine)) + 1, len(mine))
    turn = turns[np.searchsorted(turns, np.arange(len(mine)), side="right").clip(max=len(turns) - 1)]
    ends, place = [], 0
    while place < len(mine):
        alone = mine[place] and turn[place] - place >= _PATIENCE
        place = place + _PATIENCE if alone else int(turn[place]) + 1
        if place <= len(mine):
            ends.append(place)
    found = np.searchsorted(np.array(ends, np.int64), np.arange(len(mine)), side="right")
    found[found == len(ends)] = -1
    placed = np.empty(len(mine), np.int64)
    placed[order] = found
    return placed[: len(ours)], placed[len(ours) :]
