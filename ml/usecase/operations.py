"""How a model is kept: who lets it in, how it takes over, when scores are withheld, and the nights that `make run` plays."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from ml import periods
from ml.errors import DeclarationError, RequestError
from ml.usecase.declaration import check, check_tuples


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """How a challenger takes over, share by share of the entities, and when it is rolled back.

    It goes on to the next share after `least_answers` requests of its own at this one, `least_nights` nights with their
    labels, and `shadow_answers` rows before the first share, if nothing was shown wrong; it is rolled back as soon as
    something is. An equal challenger is rolled back with probability `false_alarms` at most, over the whole release.
    Shown wrong is what goes beyond a margin, the champion's own in the same time or on the same rows deducted: in the
    share of requests with a `fault`, or `slow` ones (above the latency budget); in the share of rows whose order by
    `scores` is another than the champion's, the shadow's deducted; in the `level` of its log-odds beside the champion's,
    against what it was as a shadow; in `calibration` (mean score against mean label); in
    the `cost` of a row's decision, as a share of what acting costs. `least_nights=0` waits for no label.

    Where a number is asked for, `level` and `cost` are shares of what always the same answer loses and costs, and
    `calibration` is the share of labels below the answer against the quantile asked for.
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
        check_tuples(self)
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
            f"a shadow's usual order needs 20 min_shadow_rows or more, got {self.min_shadow_rows}",
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
        """Return how many answers of its own a canary needs at `share`; raises RequestError when it never has that share."""
        if share not in self.shares:
            raise RequestError(f"expected one of the shares of the canary, {self.shares}, got {share}")
        return self.min_requests[self.shares.index(share)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """An A/B: the challenger answers a fixed `share` of the entities for `nights` nights, and is judged once, at the end.

    It takes over when its decisions are shown cheaper at `confidence`, two-sided, nights being the sample; not shown is
    not enough. Faults and slow requests are watched from the first request on, as a canary's are.
    """

    share: float = 0.5
    nights: int = 14
    confidence: float = 0.95
    false_alarm_rate: float = 0.05
    fault_margin: float = 0.01
    slow_margin: float = 0.01

    def __post_init__(self) -> None:
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
    """Who must approve a release: two different roles, each answered by a different person; and how it takes over.

    Without a `canary` an approved challenger is champion at once, as the first champion always is.
    """

    approvers: tuple[str, str]
    canary: Canary | Experiment | None = Canary()

    def __post_init__(self) -> None:
        check_tuples(self)
        check(
            len(self.approvers) == 2 and self.approvers[0] != self.approvers[1],
            f"a release has two different approvers, got {self.approvers}",
        )

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares of the entities that a challenger is given one after another, before it is champion."""
        match self.canary:
            case Canary() as canary:
                return canary.shares
            case Experiment() as experiment:
                return (experiment.share,)
            case None:
                return ()

    @property
    def min_shadow_rows(self) -> int:
        """How many copies a challenger answers before anybody is asked about it."""
        return self.canary.min_shadow_rows if isinstance(self.canary, Canary) else 0


class Permission(StrEnum):
    """What a person may ask for by hand; each is a field of `Roles`."""

    TRAIN = "train"
    RELEASE = "release"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True, kw_only=True, slots=True)
class Roles:
    """Who may ask for it by hand, by the names of Airflow's users; none named: whoever may trigger DAGs there.

    Nights, assets and sensors ask for themselves and need nobody. Who approves is in `Release`.
    """

    train: tuple[str, ...] = ()
    release: tuple[str, ...] = ()
    roll_back: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_tuples(self)

    def check_permission(self, permission: Permission, user: str) -> None:
        """Raise RequestError when `who` is none of those who may."""
        named: tuple[str, ...] = getattr(self, permission)
        if named and user not in named:
            raise RequestError(
                f"{permission}: expected to be asked by {' or '.join(named)}, not by {user!r}: ask one of them"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicationGate:
    """When a night's scores are withheld: the last that were issued stay the ones to read, until somebody decides.

    A night is held against its entities (`least_coverage` of them have a score), and against the last `nights` that were
    issued, `least_nights` of which must be there. Of their median it has `least_rows` to `most_rows` times the rows, and
    `least_spread` times the spread of the scores or more. `most_moved` is the share of scores that may lie elsewhere than
    in the nearest of those nights (Kolmogorov's distance), `most_moved_feature` the same of a feature, asked where the
    last nights themselves lie `steady` from each other at most.

    All are sizes of effect, which do not change with the number of rows. How often they err is in docs/batch.md.
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
class Demo:
    """The real nights that `make run` plays: a bulk history first, then single nights through the scheduler."""

    history: str
    nights: str

    def __post_init__(self) -> None:
        try:
            history, demo_nights = periods.parse(self.history), periods.parse(self.nights)
        except RequestError as error:
            raise DeclarationError(f"a rehearsal plays nights: {error}") from None
        check(
            history.last < demo_nights.first,
            f"a rehearsal plays nights after its history: expected nights that begin after {history.last}, got {demo_nights}",
        )
