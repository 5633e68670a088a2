"""The observations of a canary: each model's responses and scores, and the labels of the rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import Booleans, Floats, Integers, Strings

_MAX_CANARY_RUN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Responses:
    """The requests that one package served: time in seconds, latency, and whether there was a fault; each (n,).

    A request counts once, whatever its number of rows, because its rows succeed or fail together.
    """

    timestamps: Floats
    latency_ms: Floats
    is_fault: Booleans

    def __len__(self) -> int:
        return len(self.timestamps)

    def count_since(self, start: float) -> int:
        """Return the number of requests at `start` (seconds) or later."""
        return int((self.timestamps >= start).sum())


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedScores:
    """Both models' scores of the same rows, in the order of the requests, each (n,); NaN for a missing score."""

    champion: Floats
    canary: Floats

    @property
    def is_complete(self) -> Booleans:
        """A mask of the rows that both models scored."""
        return np.isfinite(self.champion) & np.isfinite(self.canary)


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedRows:
    """All rows requested since the canary began: scores, labels (NaN until known), nights and who served; each (n,).

    The model that did not serve a request scored a copy of it, so that both can be compared on the same rows.
    """

    scores: PairedScores
    labels: Floats
    nights: Strings
    served_by_canary: Booleans

    @property
    def is_matured(self) -> Booleans:
        """A mask of the rows that both models scored and whose label is known."""
        return self.scores.is_complete & np.isfinite(self.labels)

    @property
    def completed_nights(self) -> "NightGroups":
        """The nights before the latest one, with their rows that both models scored."""
        night_index, distinct_nights = pd.factorize(self.nights, sort=True)
        scored_counts = np.bincount(night_index[self.scores.is_complete], minlength=len(distinct_nights))
        return NightGroups(
            night_index=np.where(self.scores.is_complete, night_index, -1),
            selected_nights=np.flatnonzero(scored_counts[:-1]),
        )

    def labelled_nights(self, min_share: float) -> "NightGroups":
        """Return the nights in which at least `min_share` of the rows that both models scored have labels.

        The groups have only the labelled ones of these rows.
        """
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
    """Rows grouped by night, and a selection of nights.

    `night_index` has the index of each row's night, shape (n,), or -1 for a row that is left out. `selected_nights` has
    the indices of the selected nights, in order.
    """

    night_index: Integers
    selected_nights: Integers

    def mean_by_night(self, values: Floats) -> Floats:
        """Return the mean of `values`, shape (n,), in each selected night.

        >>> groups = NightGroups(night_index=np.array([0, 0, 1, -1]), selected_nights=np.array([0]))
        >>> groups.mean_by_night(np.array([1.0, 2.0, 5.0, 9.0])).tolist()
        [1.5]
        """
        in_group = self.night_index >= 0
        total, number = (
            np.bincount(self.night_index[in_group], weights=each[in_group]) for each in (values, np.ones(len(values)))
        )
        return np.asarray(total[self.selected_nights] / number[self.selected_nights])


@dataclass(frozen=True, kw_only=True, slots=True)
class CanaryObservations:
    """All observations since the canary began, and both models' scores while the challenger was a shadow.

    `share` is the canary's present share of the entities, since `share_started_at` (seconds).
    """

    share: float
    share_started_at: float

    canary: Responses
    champion: Responses
    rows: ComparedRows
    shadow: PairedScores


def assign_rounds(canary_times: Floats, champion_times: Floats) -> tuple[Integers, Integers]:
    """Return the round of each answer of the canary, shape (n,), and of the champion, (m,); -1 after the last round.

    The arguments are the times of the answers. A round ends as soon as it has answers of both models, so that it
    compares answers of the same time, or when it has 5 answers of the canary alone. No round depends on later answers.

    >>> canary, champion = assign_rounds(np.array([1.0, 2.0, 5.0]), np.array([3.0, 4.0]))
    >>> canary.tolist(), champion.tolist()
    ([0, 0, 1], [0, 1])
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
