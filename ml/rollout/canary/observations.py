"""What a canary is judged on: what each model answered, how soon, and what became of it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Floats, Integers, Strings

_MAX_CANARY_RUN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Responses:
    """The requests that one package itself answered: when, in seconds, how soon, and whether with a fault; each (n,).

    A request counts once, however many rows it has: they share its fate.
    """

    timestamps: Floats
    latency_ms: Floats
    is_fault: Booleans

    def __len__(self) -> int:
        return len(self.timestamps)

    def count_since(self, start: float) -> int:
        """Return how many of these came at `began` or later."""
        return int((self.timestamps >= start).sum())


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedScores:
    """Both models' scores of the same rows, in the order in which they were asked, each (n,); NaN where there is none."""

    champion: Floats
    canary: Floats

    @property
    def is_complete(self) -> Booleans:
        """Where both have a score."""
        return np.isfinite(self.champion) & np.isfinite(self.canary)


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedRows:
    """Every row that was asked since the canary began: scores, labels (NaN until known), nights, and who answered, each (n,).

    Whoever did not answer the caller answered a copy, so that the two can be compared on the same rows.
    """

    scores: PairedScores
    labels: Floats
    nights: Strings
    served_by_canary: Booleans

    @property
    def is_matured(self) -> Booleans:
        """Where both have a score and the label is known."""
        return self.scores.is_complete & np.isfinite(self.labels)

    @property
    def completed_nights(self) -> "NightGroups":
        """The nights that are over, a later one having begun, by the rows that both have scored."""
        night_index, distinct_nights = pd.factorize(self.nights, sort=True)
        scored_counts = np.bincount(night_index[self.scores.is_complete], minlength=len(distinct_nights))
        return NightGroups(
            night_index=np.where(self.scores.is_complete, night_index, -1),
            selected_nights=np.flatnonzero(scored_counts[:-1]),
        )

    def labelled_nights(self, min_share: float) -> "NightGroups":
        """Return the nights of which at least `share` of the rows that both have scored are labelled, by those rows."""
        night_index, distinct_nights = pd.factorize(self.nights, sort=True)
        matured_counts, scored_counts = (
            np.bincount(night_index[each], minlength=len(distinct_nights))
            for each in (self.is_matured, self.scores.is_complete)
        )
        return NightGroups(
            night_index=np.where(self.is_matured, night_index, -1),
            selected_nights=np.flatnonzero((matured_counts > 0) & (matured_counts >= min_share * scored_counts)),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class NightGroups:
    """Some nights in their order: of which of all nights each row is, -1 for no row, and which of them are `kept`."""

    night_index: Integers
    selected_nights: Integers

    def mean_by_night(self, values: Floats) -> Floats:
        """Return the mean of `values` (n,) in each night that is kept."""
        in_group = self.night_index >= 0
        total, number = (
            np.bincount(self.night_index[in_group], weights=each[in_group]) for each in (values, np.ones(len(values)))
        )
        return np.asarray(total[self.selected_nights] / number[self.selected_nights])


@dataclass(frozen=True, kw_only=True, slots=True)
class CanaryObservations:
    """All there is to judge by: answers and rows since the canary began, and the same two models' scores as a shadow.

    `share` of the entities is the canary's now, and `began` when it was given it.
    """

    share: float
    share_started_at: float

    canary: Responses
    champion: Responses
    rows: ComparedRows
    shadow: PairedScores


def assign_rounds(canary_times: Floats, champion_times: Floats) -> tuple[Integers, Integers]:
    """Return in which round, 0 being the first, each answer of either side falls; -1 after the last whole round.

    A round is over as soon as it has an answer of both sides, so that both were answered in the same time; or of ours
    alone, once there are 5. It depends on no answer that comes later. `ours` (n,) and `theirs` (m,) are when each answered.
    """
    order = np.argsort(np.concatenate([canary_times, champion_times]), kind="stable")
    is_canary = order < len(canary_times)
    run_ends = np.append(np.flatnonzero(np.diff(is_canary)) + 1, len(is_canary))
    run_end = run_ends[np.searchsorted(run_ends, np.arange(len(is_canary)), side="right").clip(max=len(run_ends) - 1)]
    ends, position = [], 0
    while position < len(is_canary):
        is_long_run = is_canary[position] and run_end[position] - position >= _MAX_CANARY_RUN
        position = position + _MAX_CANARY_RUN if is_long_run else int(run_end[position]) + 1
        if position <= len(is_canary):
            ends.append(position)
    round_index = np.searchsorted(np.array(ends, np.int64), np.arange(len(is_canary)), side="right")
    round_index[round_index == len(ends)] = -1
    unsorted_rounds = np.empty(len(is_canary), np.int64)
    unsorted_rounds[order] = round_index
    return unsorted_rounds[: len(canary_times)], unsorted_rounds[len(canary_times) :]
