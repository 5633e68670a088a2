"""The rows of all past nights, and the results of trainings on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.arrays import Booleans, Floats, Integers, Strings
from ml.governance.checks import Check
from ml.monitoring import drift, reference_profile
from ml.targets import Target
from ml.usecase import Drift
from ml.usecase.periods import Period

Instants = npt.NDArray[np.datetime64]


@dataclass(frozen=True, kw_only=True)
class BacktestHistory:
    """Rows in order of nights: nights (ISO dates), labels (NaN if missing), and when each became known, each (n,).

    `known_at` is in UTC without a zone, NaT for a missing label. `levels` has the values of each slice's feature as
    text. `features` has the columns for drift, None if drift is not measured; those named in `texts` are measured by
    their length.
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
        """Return the slice of the rows of the nights `first` to `last`, both included.

        >>> nights = np.array(["2013-01-01", "2013-01-01", "2013-01-03"], object)
        >>> known_at = np.array(["2013-01-02", "2013-01-02", "2013-01-04"], "datetime64[ns]")
        >>> history = BacktestHistory(nights=nights, labels=np.array([0.0, 1.0, 1.0]), known_at=known_at)
        >>> history.rows("2013-01-01", "2013-01-02"), history.rows("2013-01-02", "2013-01-31")
        (slice(0, 2, None), slice(2, 3, None))
        """
        distinct, begins = self._night_starts
        low = int(np.searchsorted(distinct, str(first)))
        high = int(np.searchsorted(distinct, str(last), side="right"))
        return slice(int(begins[low]), int(begins[max(low, high)]))

    def matured_nights(self, night: date, cutoff: datetime, share: float) -> Strings:
        """Return the nights up to `night` that had matured at `cutoff`, as ISO dates in order, shape (k,)."""
        return np.unique(self.nights[self.matured(self.rows(date.min, night), cutoff, share)].astype(str))

    def matured(self, rows: slice, cutoff: datetime, share: float) -> Integers:
        """Return the indices of those `rows` whose label was known at `cutoff`, in matured nights.

        A night is matured if at least this `share` of its rows had labels.
        """
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
        """Return the share of features that drifted from `reference` to `current`; None without features or rows."""
        key = (declared, reference, current)
        if self.features is None:
            return None
        if key not in self._drift_shares:
            reference_features, current_features = (
                self.features.iloc[self.rows(each.first, each.last)] for each in (reference, current)
            )
            profile = reference_profile.build(reference_profile.sample_evenly(reference_features), self.texts)
            self._drift_shares[key] = drift.drifted_share(profile, current_features, declared)
        return self._drift_shares[key]

    @cached_property
    def _drift_shares(self) -> dict[tuple[Drift, Period, Period], float | None]:
        """A cache of drift shares: policies that decide on the same nights share the measurements."""
        return {}

    def new_labels(self, after: datetime, until: datetime) -> int:
        """Return the number of labels that became known after the instant `after`, up to and including `until`."""
        first, last = np.searchsorted(self._label_times, [utc_instant(after), utc_instant(until)], side="right")
        return int(last - first)


class TrainingId(NamedTuple):
    """A training: as of `night`, without the latest `held_out` matured nights, of the recipe of `candidate`.

    `candidate` is "" for the backtest's own candidate, and the name of a declared one for another first model.
    """

    night: date
    held_out: int = 0
    candidate: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A model of a fixed recipe, represented by its scores.

    It was fitted on `rows` rows of the nights `learned_from` to `learned_until`; nights after that, up to `used_until`,
    were held out. `loss` is its loss on rows that it was not fitted on. `scores` has its score for every row of the
    history, shape (n,), NaN for rows that it was fitted on; `baselines` has the same for each baseline. `checks` are
    the gate's checks that need no champion.
    """

    training: TrainingId
    learned_until: str
    used_until: str
    rows: int
    loss: float
    target: Target
    scores: Floats
    baselines: Mapping[str, Floats] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    learned_from: str = str(date.min)

    @property
    def night(self) -> date:
        """The night as of which the model was trained."""
        return self.training.night


@dataclass(frozen=True, kw_only=True)
class TrainingRefusal:
    """A training that was refused, such as for too few labels, and the reason."""

    training: TrainingId
    reason: str

    @property
    def night(self) -> date:
        """The night as of which the model was to be trained."""
        return self.training.night


TrainingResult = TrainedModel | TrainingRefusal
Trainings = Mapping[TrainingId, TrainingResult]


def model_of(training: TrainingId, trainings: Trainings) -> TrainedModel:
    """Return the model of a training that is known not to have been refused."""
    result = trainings[training]
    assert isinstance(result, TrainedModel), result
    return result


def utc_instant(cutoff: datetime) -> np.datetime64:
    """Return a zoned datetime as a NumPy instant in UTC, without a zone.

    >>> from zoneinfo import ZoneInfo
    >>> str(utc_instant(datetime(2013, 2, 8, 12, tzinfo=ZoneInfo("America/New_York"))))
    '2013-02-08T17:00:00.000000000'
    """
    return np.datetime64(int(cutoff.timestamp() * 1e9), "ns")
