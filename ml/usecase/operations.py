"""Operation of a use case: release, permissions, the publication gate, and the nights of the demo run."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Literal

from ml.errors import DeclarationError, RequestError
from ml.usecase import periods
from ml.usecase.declaration import check, check_types

_ROLE = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_MAX_PATIENCE_HOURS = 7 * 24
_MAX_EXPLAINED = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """How a challenger takes over the entities share by share, and when it is rolled back.

    The challenger moves on to the next share once it has answered `min_requests` requests at the present share, has
    `min_nights` nights with their labels, and, before the first share, has answered `min_shadow_rows` rows as a shadow,
    provided that no check failed. With `min_nights=0` it does not wait for labels. It is rolled back as soon as a check
    fails. A challenger that is as good as the champion is rolled back with a probability of at most `false_alarm_rate`,
    over the whole release.

    Each check compares the challenger with the champion in the same time or on the same rows, and fails above its
    margin:

    * `fault_margin`: the share of requests that fail.
    * `slow_margin`: the share of requests that exceed the latency budget.
    * `scores_margin`: the share of pairs of rows that the challenger orders differently from the champion, minus the
      same share of the shadow.
    * `level_margin`: the mean difference of log-odds from the champion's, minus the same difference of the shadow.
    * `calibration_margin`: the difference between mean score and mean label.
    * `cost_margin`: the cost of a decision, as a share of the cost of acting.

    For a regression target, the level and the cost are shares of the loss and the cost of the best constant, and
    calibration is the difference between the share of labels below the prediction and the predicted quantile.
    """

    shares: tuple[float, ...] = (0.05, 0.25, 1.0)
    min_requests: tuple[int, ...] = (300, 500, 1000)
    min_shadow_rows: int = 500
    min_nights: int = 3
    false_alarm_rate: float = 0.05
    fault_margin: float = 0.01
    slow_margin: float = 0.01
    scores_margin: float = 0.15
    level_margin: float = 0.5
    calibration_margin: float = 0.03
    cost_margin: float = 0.02

    def __post_init__(self) -> None:
        check_types(self)
        rising = all(one < other for one, other in pairwise((0.0, *self.shares)))
        check(
            rising and self.shares[-1:] == (1.0,),
            f"the shares of a canary rise from above 0 to 1.0, got {self.shares}",
        )
        check(
            len(self.min_requests) == len(self.shares) and min(self.min_requests) >= 1,
            f"min_requests has a number, 1 or more, for each of the {len(self.shares)} shares, got {self.min_requests}",
        )
        check(
            self.min_shadow_rows >= 20,
            f"the check of the order of scores needs 20 min_shadow_rows or more, got {self.min_shadow_rows}",
        )
        check(self.min_nights >= 0, f"min_nights is 0 or more, got {self.min_nights}")
        _check_false_alarm_rate(self.false_alarm_rate)
        margins = (
            self.fault_margin,
            self.slow_margin,
            self.scores_margin,
            self.level_margin,
            self.calibration_margin,
            self.cost_margin,
        )
        _check_margins(margins)

    def min_requests_at(self, share: float) -> int:
        """Return the number of requests that the canary must answer at `share`; raises RequestError for another share.

        >>> Canary().min_requests_at(0.25)
        500
        """
        if share not in self.shares:
            raise RequestError(f"expected one of the shares of the canary, {self.shares}, got {share}")
        return self.min_requests[self.shares.index(share)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """An A/B test: the challenger answers for a fixed `share` of the entities for `nights` nights.

    It is judged once, at the end. It becomes champion only if its decisions are shown to be cheaper, at the two-sided
    `confidence` over nights. Failed and slow requests are monitored from the first request on, as for a `Canary`.
    """

    share: float = 0.5
    nights: int = 14
    confidence: float = 0.95
    false_alarm_rate: float = 0.05
    fault_margin: float = 0.01
    slow_margin: float = 0.01

    def __post_init__(self) -> None:
        check_types(self)
        check(0 < self.share < 1, f"an experiment's share lies between 0 and 1, got {self.share}")
        check(self.nights >= 2, f"an experiment needs 2 nights or more to see any spread, got {self.nights}")
        check(0.5 < self.confidence < 1, f"confidence lies between .5 and 1, got {self.confidence}")
        _check_false_alarm_rate(self.false_alarm_rate)
        _check_margins((self.fault_margin, self.slow_margin))


def _check_false_alarm_rate(rate: float) -> None:
    check(0 < rate <= 0.5, f"false_alarm_rate lies between 0 and .5, got {rate}")


def _check_margins(margins: tuple[float, ...]) -> None:
    check(all(0 <= each < 0.8 for each in margins), f"margins lie between 0 and .8, got {margins}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """The two different roles that must approve a release, each by a different person, and the canary that follows.

    Without a `canary`, an approved challenger becomes champion immediately. The first champion always does.
    """

    approvers: tuple[str, str]
    canary: Canary | Experiment | None = Canary()

    def __post_init__(self) -> None:
        check_types(self)
        check(
            len(self.approvers) == 2 and self.approvers[0] != self.approvers[1],
            f"a release has two different approvers, got {self.approvers}",
        )
        check(
            all(_ROLE.fullmatch(each) for each in self.approvers),
            "approvers are names of letters, digits and . _ - (each is part of the name of a task in Airflow), got "
            f"{self.approvers}",
        )

    @property
    def shares(self) -> tuple[float, ...]:
        """The successive shares of the entities that a challenger answers for before it becomes champion."""
        match self.canary:
            case Canary() as canary:
                return canary.shares
            case Experiment() as experiment:
                return (experiment.share,)
            case None:
                return ()

    @property
    def min_shadow_rows(self) -> int:
        """The number of rows that a challenger must answer as a shadow before it can be approved."""
        return self.canary.min_shadow_rows if isinstance(self.canary, Canary) else 0


class Permission(StrEnum):
    """The actions that a person may start by hand; each is a field of `Roles`."""

    TRAIN = "train"
    RELEASE = "release"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True, kw_only=True, slots=True)
class Roles:
    """The Airflow users who may start each action by hand; if none is named, everybody who may trigger DAGs in Airflow.

    Runs that a schedule, an asset or a sensor starts need no permission. The approvers are declared in `Release`.
    """

    train: tuple[str, ...] = ()
    release: tuple[str, ...] = ()
    roll_back: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_types(self)

    def check_permission(self, permission: Permission, user: str) -> None:
        """Raise RequestError if `user` does not have the permission.

        >>> Roles(train=("ann", "cyd")).check_permission(Permission.TRAIN, "bob")
        Traceback (most recent call last):
        ml.errors.RequestError: train: expected a request by ann or cyd, got one by 'bob': ask one of them
        """
        named: tuple[str, ...] = getattr(self, permission)
        if named and user not in named:
            raise RequestError(
                f"{permission}: expected a request by {' or '.join(named)}, got one by {user!r}: ask one of them"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicationGate:
    """The gate that holds back implausible scores; readers keep the last published scores until a person decides.

    The gate compares a night with its entities, `min_coverage` of which must have a score, and with the last
    `reference_nights` published nights, of which there must be `min_reference_nights`. The night must have between
    `min_row_ratio` and `max_row_ratio` times their median number of rows, and at least `min_spread_ratio` times the
    spread of their scores. Its scores may lie `max_score_distance` from those of the nearest of these nights
    (Kolmogorov-Smirnov distance), and each feature `max_feature_distance`; a feature is compared only if these nights
    lie at most `max_reference_distance` from each other.

    All bounds are effect sizes, which do not depend on the number of rows. docs/concepts/batch-scoring.md has their
    measured error rates.
    """

    min_coverage: float = 0.99
    min_row_ratio: float = 0.6
    max_row_ratio: float = 1.7
    min_spread_ratio: float = 0.3
    max_score_distance: float = 0.5
    max_feature_distance: float = 0.25
    max_reference_distance: float = 0.08
    reference_nights: int = 14
    min_reference_nights: int = 5

    def __post_init__(self) -> None:
        check_types(self)
        check(
            1 <= self.min_reference_nights <= self.reference_nights,
            "min_reference_nights lies between 1 and reference_nights",
        )
        check(0 <= self.min_row_ratio < 1 < self.max_row_ratio, "min_row_ratio lies below 1, max_row_ratio above it")
        shares = (
            self.min_coverage,
            self.min_spread_ratio,
            self.max_score_distance,
            self.max_feature_distance,
            self.max_reference_distance,
        )
        check(all(0 <= each <= 1 for each in shares), f"coverage, spread and moves lie between 0 and 1, got {shares}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanations:
    """Stored explanations of nightly scores: of each published score, the `top` features that moved it most.

    They are computed after the scores are published, which takes a hundred times as long as the scores of trees, and
    are stored in the lake, without the values of the features (docs/concepts/batch-scoring.md).
    """

    top: int = 5

    def __post_init__(self) -> None:
        check_types(self)
        check(1 <= self.top <= _MAX_EXPLAINED, f"top lies between 1 and {_MAX_EXPLAINED}, got {self.top}")


@dataclass(frozen=True, kw_only=True, slots=True)
class CatchUp:
    """Which missed nights the next scheduled night makes up for, before its own and oldest first.

    Nights are missed while the machine is off or the DAG `ingest` is paused. `nights` is how many of the latest nights
    run then, the present one included: "all", a number, or "latest", which makes up for none.
    """

    nights: int | Literal["all", "latest"] = "all"

    def __post_init__(self) -> None:
        check_types(self)
        check(
            isinstance(self.nights, str) or self.nights >= 1,
            f"CatchUp(nights=...) is 'all', 'latest' or a number from 1, got {self.nights!r}",
        )

    def choose(self, missed: Sequence[date]) -> tuple[date, ...]:
        """Return those of the `missed` nights before the present one, in order, that are made up for.

        >>> missed = [date(2024, 3, 1), date(2024, 3, 2), date(2024, 3, 3)]
        >>> [str(night) for night in CatchUp(nights=3).choose(missed)]
        ['2024-03-02', '2024-03-03']
        >>> CatchUp(nights="latest").choose(missed)
        ()
        """
        if isinstance(self.nights, str):
            return tuple(missed) if self.nights == "all" else ()
        return tuple(missed[max(len(missed) - self.nights + 1, 0) :])


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """How long a night waits for its files, and what happens to files that land or change after their night.

    A scheduled night starts as soon as each required table has a file and the files no longer change. Its task waits
    without a worker for up to `hours` after the night's cutoff, and fails then. For `optional_hours` after the cutoff
    it waits for the optional tables too, and goes on without them then. A source module lands the files itself, so a
    use case that has one never waits.

    Late label files are always ingested. For late files of other tables, `late="alert"` raises an alert that offers to
    ingest the night again, and `late="ingest"` does so at once: new entities get scores, published scores stay.
    """

    hours: float = 2
    optional_hours: float = 0
    late: Literal["alert", "ingest"] = "alert"

    def __post_init__(self) -> None:
        check_types(self)
        check(
            0 <= self.optional_hours <= self.hours <= _MAX_PATIENCE_HOURS,
            f"Arrival: expected 0 <= optional_hours <= hours <= {_MAX_PATIENCE_HOURS}, got {self.optional_hours} and "
            f"{self.hours}",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Demo:
    """The real nights of the demo run (`make run`): a history in bulk, then single nights through the scheduler.

    On `live_day`, one of the nights, a server is then asked for each entity at its live cutoffs, in the data's time.
    """

    history: str
    nights: str
    live_day: str | None = None

    def __post_init__(self) -> None:
        check_types(self)
        try:
            history, demo_nights = periods.parse(self.history), periods.parse(self.nights)
        except RequestError as error:
            raise DeclarationError(f"a demo runs nights: {error}") from None
        check(
            history.last < demo_nights.first,
            f"a demo runs nights after its history: expected nights that begin after {history.last}, got {demo_nights}",
        )
        nights = [str(each) for each in (demo_nights.first, demo_nights.last)]
        check(
            self.live_day is None or nights[0] <= self.live_day < nights[1],
            f"the live day of a demo is one of its nights but not the last, got {self.live_day}",
        )
