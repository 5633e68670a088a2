"""Triggers of retraining, and the throttles that delay them."""

import math
import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ml.errors import DeclarationError, RequestError
from ml.usecase import periods
from ml.usecase.declaration import check, check_types, check_unique

DriftReference = Literal["training", "season", "past"]

NAMES = (
    "calibration_gap",
    "loss_rise",
    "loss_surprise",
    "expected_loss_rise",
    "new_labels",
    "age_nights",
    "drift",
    "worth",
)
_YEARLY = re.compile(r"(\d{2})-(\d{2})\.\.(\d{2})-(\d{2})")
_LEAP_YEAR = 2024


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """The share of features that may drift from a reference; it is only reported, unless `triggers_retraining`.

    A feature has drifted if its population stability index over the last `Triggers.window_nights`, minus its
    expectation under sampling noise, exceeds `psi_threshold`. The `reference` is `"training"`, the champion's training
    rows; `"season"`, the nights `season_nights` ago (364 for a daily cadence, 12 for a monthly one); or `"past"`, all
    earlier nights, which after a year include every season. The trigger is above its threshold if more than `share` of
    the features has drifted.
    """

    reference: DriftReference = "training"
    share: float = 0.5
    psi_threshold: float = 0.2
    season_nights: int | None = None
    triggers_retraining: bool = False

    def __post_init__(self) -> None:
        check_types(self)
        check(0 <= self.share < 1, f"the share of features that may drift lies from 0 to below 1, got {self.share}")
        check(self.psi_threshold > 0, f"psi_threshold is positive, got {self.psi_threshold}")
        is_season = self.reference == "season"
        check(
            is_season == (self.season_nights is not None) and (self.season_nights is None or self.season_nights >= 1),
            'season_nights goes with reference="season", and is 1 or more: '
            f"got {self.season_nights} with {self.reference!r}",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Persistence:
    """A trigger fires only if it is above its threshold on `nights` of the latest `out_of` evaluations."""

    trigger: str
    nights: int
    out_of: int

    def __post_init__(self) -> None:
        check_types(self)
        check(self.trigger in NAMES, f"the trigger of a Persistence is one of {', '.join(NAMES)}, got {self.trigger!r}")
        check(
            1 <= self.nights <= self.out_of,
            f"Persistence(nights=...) lies between 1 and out_of, got {self.nights} out of {self.out_of}",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """At most `trainings` trainings in `nights` nights; manual trainings count, but are not limited."""

    trainings: int
    nights: int

    def __post_init__(self) -> None:
        check_types(self)
        check(
            self.trainings >= 1 and self.nights >= 1,
            f"a budget is 1 training or more in 1 night or more, got {self.trainings} in {self.nights}",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class BlackoutPeriod:
    """Nights without automatic retraining: "2013-12-20..2014-01-02", or "12-20..01-02" of every year, ends included."""

    nights: str
    why: str

    def __post_init__(self) -> None:
        check_types(self)
        check(bool(self.why.strip()), f"a blackout period has a reason, got {self.nights} without one (why=)")
        yearly = self._yearly
        try:
            if yearly is None:
                periods.parse(self.nights)
            else:
                for month, day in yearly:
                    date(_LEAP_YEAR, month, day)
        except (RequestError, ValueError):
            raise DeclarationError(
                f'a blackout period is "2013-12-20..2014-01-02", or "12-20..01-02" for every year; got {self.nights!r}'
            ) from None

    def __contains__(self, night: date) -> bool:
        """Return whether `night` is in the period.

        >>> date(2014, 1, 2) in BlackoutPeriod(nights="12-20..01-02", why="holidays")
        True
        """
        if self._yearly is None:
            return night in periods.parse(self.nights)
        (first, last), day = self._yearly, (night.month, night.day)
        return first <= day <= last if first <= last else day >= first or day <= last

    @property
    def _yearly(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        match = _YEARLY.fullmatch(self.nights)
        return ((int(match[1]), int(match[2])), (int(match[3]), int(match[4]))) if match else None


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrainingPrice:
    """The cost of one retraining, in the unit of the use case's decision cost.

    `cpu_hour` is the price of an hour of training tasks. `approval_minutes` are the minutes that all people together
    spend on one new model, at `person_hour` an hour. `risk` is the expected cost of a bad refresh: its probability
    times what it costs until it is rolled back. `first_age_nights` is the age at which a new
    model is requested as long as the cost of age has not been measured.
    """

    cpu_hour: float = 0.0
    person_hour: float = 0.0
    approval_minutes: float = 0.0
    risk: float = 0.0
    first_age_nights: int = 28

    def __post_init__(self) -> None:
        check_types(self)
        parts = {name: getattr(self, name) for name in ("cpu_hour", "person_hour", "approval_minutes", "risk")}
        wrong = [f"{name}={value}" for name, value in parts.items() if not 0 <= value < math.inf]
        check(not wrong, f"the parts of a retraining price are 0 or more, got {', '.join(wrong)}")
        check(
            self.cpu_hour > 0 or self.total(0) > 0,
            "a retraining price is above 0: declare cpu_hour, person_hour with approval_minutes, or risk",
        )
        check(self.first_age_nights >= 1, f"first_age_nights is 1 or more, got {self.first_age_nights}")

    def total(self, cpu_seconds: float) -> float:
        """Return the price of one retraining whose training takes `cpu_seconds`.

        >>> price = RetrainingPrice(cpu_hour=2, person_hour=60, approval_minutes=30, risk=100)
        >>> price.total(cpu_seconds=1800)
        131.0
        """
        return self.cpu_hour * cpu_seconds / 3600 + self.person_hour * self.approval_minutes / 60 + self.risk


@dataclass(frozen=True, kw_only=True, slots=True)
class Triggers:
    """When retraining is requested. None switches a trigger off; every number goes into the ledger.

    Nights follow the use case's cadence: where it runs every month, a window of 3 nights is a quarter.

    * `calibration_gap` is |mean score - mean label| over the last `window_nights` matured nights, of which there must
      be `min_nights`; for a regression target, it is the distance between the share of labels below the prediction and
      the predicted quantile.
    * `loss_rise` is the relative rise over the loss that the champion had at its gate. It fires only if its interval
      over nights lies above 0.
    * `loss_surprise` is the loss minus the loss that the scores of the same rows imply, which a season does not change.
      It fires only if its interval lies above 0.
    * `expected_loss_rise` is the rise of the loss that the window's scores imply, before their labels arrive.
    * `new_labels` are counted once a night. `label_batch` counts labels as they land, so that a file with months of
      labels triggers immediately.
    * `age_nights` is a schedule. `drift` is reported, and fires only if `Drift.triggers_retraining` is set.
    * `worth` compares what a fresh model is forecast to save with the price of retraining (`ml.retraining.worth`). It
      fires when the saving exceeds the price.

    Automatic retraining is throttled: by `persistence`, by `cooldown_nights` after a training, by the `budget`, and by
    `blackouts`. Manual runs bypass all throttles, but count towards the budget.
    """

    calibration_gap: float | None = 0.04
    loss_rise: float | None = None
    loss_surprise: float | None = None
    expected_loss_rise: float | None = None
    new_labels: int | None = 50_000
    label_batch: int | None = None
    age_nights: int | None = None
    drift: Drift | None = Drift()
    worth: RetrainingPrice | None = None
    window_nights: int = 14
    min_nights: int = 5
    cooldown_nights: int = 7
    persistence: tuple[Persistence, ...] = ()
    budget: Budget | None = None
    blackouts: tuple[BlackoutPeriod, ...] = ()

    def __post_init__(self) -> None:
        check_types(self)
        check(1 <= self.min_nights <= self.window_nights, "min_nights lies between 1 and window_nights")
        check(
            self.label_batch is None or self.label_batch >= 1,
            f"label_batch is 1 or more, or None, got {self.label_batch}",
        )
        check(self.cooldown_nights >= 0, f"a cooldown is 0 nights or more, got {self.cooldown_nights}")
        check_unique("the triggers that must persist", [each.trigger for each in self.persistence])
        off = [each.trigger for each in self.persistence if getattr(self, each.trigger) is None]
        check(not off, f"a trigger that must persist is switched on, got {', '.join(off)} which is None")

    def persistence_for(self, trigger: str) -> Persistence:
        """Return the persistence of a trigger: one night out of one, unless it is declared."""
        declared = {each.trigger: each for each in self.persistence}
        return declared.get(trigger, Persistence(trigger=trigger, nights=1, out_of=1))
