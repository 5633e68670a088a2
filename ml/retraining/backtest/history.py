"""The rows of all nights that were, and what trainings answer to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.arrays import Booleans, Floats, Integers, Strings
from ml.governance.checks import Check
from ml.monitoring import drift
from ml.targets import Target
from ml.usecase import Drift
from ml.usecase.periods import Period

Instants = npt.NDArray[np.datetime64]


@dataclass(frozen=True, kw_only=True)
class BacktestHistory:
    """Rows by night: nights (ISO dates), labels (not a number where none came), and when each became known, each (n,).

    `known_at` is UTC without a zone, not a time where no label came; `levels` has the text of each slice's feature, and
    `features` what drift is measured on, those named in `texts` by their length; without them drift cannot be told.
    """

    nights: Strings
    labels: Floats
    known_at: Instants
    levels: Mapping[str, Strings] = field(default_factory=dict)
    features: pd.DataFrame | None = None
    texts: tuple[str, ...] = ()

    @cached_property
    def _night_starts(self) -> tuple[Strings, Integers]:
        distinct, first = np.unique(self.nights.astype(str), return_index=True)
        return distinct, np.append(first, len(self.nights))

    @cached_property
    def _night_index(self) -> Integers:
        _, begins = self._night_starts
        index: Integers = np.repeat(np.arange(len(begins) - 1), np.diff(begins))
        return index

    @cached_property
    def _label_times(self) -> Instants:
        return np.sort(self.known_at[~np.isnat(self.known_at)])

    def rows(self, first: date | str, last: date | str) -> slice:
        """Return where the rows of the nights `first` to `last`, both included, are."""
        distinct, begins = self._night_starts
        low = int(np.searchsorted(distinct, str(first)))
        high = int(np.searchsorted(distinct, str(last), side="right"))
        return slice(int(begins[low]), int(begins[max(low, high)]))

    def matured(self, rows: slice, cutoff: datetime, share: float) -> Integers:
        """Return which of `rows` had their label at `cutoff`, in nights of which at least this `share` had."""
        known = self.known_at[rows] <= utc_instant(cutoff)
        if not len(known):
            return np.zeros(0, np.int64)
        night_index = self._night_index[rows] - self._night_index[rows.start]
        is_matured: Booleans = (np.bincount(night_index, weights=known) / np.bincount(night_index) >= share)[
            night_index
        ]
        matured: Integers = rows.start + np.flatnonzero(known & is_matured)
        return matured

    def drifted_share(self, declared: Drift, reference: Period, current: Period) -> float | None:
        """Return which share of the features lies elsewhere in the nights `current` than in those of `reference`."""
        key = (declared, reference, current)
        if self.features is None:
            return None
        if key not in self._drift_shares:
            reference_features, current_features = (
                self.features.iloc[self.rows(each.first, each.last)] for each in (reference, current)
            )
            self._drift_shares[key] = drift.drifted_share(reference_features, current_features, self.texts, declared)
        return self._drift_shares[key]

    @cached_property
    def _drift_shares(self) -> dict[tuple[Drift, Period, Period], float | None]:
        """What was measured before: policies that look on the same nights measure it once."""
        return {}

    def new_labels(self, after: datetime, until: datetime) -> int:
        """Return how many labels became known after one cutoff and by another."""
        first, last = np.searchsorted(self._label_times, [utc_instant(after), utc_instant(until)], side="right")
        return int(last - first)


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A model of the fixed recipe as of `night`, by what it answers.

    It learned from `rows` rows of the nights `learned_from` to `learned_until`; where a gate was asked, the nights after it and up to
    `used_until` were held out. `loss` is what it showed on rows that it had not learned from, `scores` its answers to every
    row of the past, shape (n,), not a number where it had learned, and so those of the `baselines`; `checks` are those of the
    gate that need no champion.
    """

    night: date
    learned_until: str
    used_until: str
    rows: int
    loss: float
    target: Target
    scores: Floats
    baselines: Mapping[str, Floats] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    learned_from: str = str(date.min)


@dataclass(frozen=True, kw_only=True)
class TrainingRefusal:
    """There was too little to train from as of `night`, and why."""

    night: date
    reason: str


TrainingResult = TrainedModel | TrainingRefusal


def utc_instant(cutoff: datetime) -> np.datetime64:
    """Return a moment with a zone as one of UTC without."""
    return np.datetime64(int(cutoff.timestamp() * 1e9), "ns")
