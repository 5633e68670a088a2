"""The shape of a use case: one frozen, closed literal that says what, never where.

Only the standard library is imported: every DAG file reads use cases when it is parsed.
Schemas and functions are named by string and looked up by `include.usecases.check`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ml import nights
from ml.errors import DeclarationError, RequestError

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise DeclarationError(sentence)


def _require_unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        _require(name not in seen, f"{what} are named once each, but {name!r} is there twice")
        seen.add(name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """A yes-or-no question; `label` is a boolean column of the table `of`, true where the answer is yes."""

    label: str
    of: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Delay:
    """A row becomes known `hours` after the instant in its column `after`."""

    after: str
    hours: float

    def __post_init__(self) -> None:
        _require(self.hours >= 0, f"nothing is known before it happened: Delay(hours={self.hours}) must be 0 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One kind of file that lands: its pandera model, its key, and when each row happened and became known.

    `known_at=None` means known by the cutoff of the night it lands for. `derived` names functions in the use
    case's `features.py` whose results are stored with the valid rows. `night` names the date column that says
    which night a row belongs to; without it, a row belongs to the first night that could know it.
    """

    name: str
    schema: str
    key: tuple[str, ...]
    event_time: str | None = None
    known_at: str | Delay | None = None
    night: str | None = None
    derived: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(bool(_NAME.fullmatch(self.name)), f"a table's name is lower_case, got {self.name!r}")
        _require(bool(self.key), f"table {self.name!r} needs a key: the columns that tell its rows apart")


@dataclass(frozen=True, kw_only=True, slots=True)
class Night:
    """The horizon of a nightly batch: night D is decided at `hour` o'clock on D in `timezone`."""

    hour: int
    timezone: str

    def __post_init__(self) -> None:
        _require(0 <= self.hour <= 23, f"a night's hour is 0 to 23, got {self.hour}")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise DeclarationError(
                f"expected an IANA time zone such as 'America/New_York', got {self.timezone!r}"
            ) from None

    def cutoff(self, night: date) -> datetime:
        """Return the UTC instant after which nothing may be known for `night`."""
        return nights.cutoff(night, self.hour, self.timezone)


@dataclass(frozen=True, slots=True)
class Column:
    """A feature that is a column of the entity table as it stands."""

    name: str

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Function:
    """A row-level feature: a function in `features.py`, its name the feature, its parameters the columns it needs."""

    name: str

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class AsOf:
    """The last row of `table` known at the cutoff for the entity's group `by`, not older than `within_hours`."""

    table: str
    by: tuple[str, ...] = field(kw_only=True)
    columns: tuple[str, ...] = field(kw_only=True)
    within_hours: float = field(kw_only=True, default=24.0)

    def __post_init__(self) -> None:
        _require(
            self.within_hours > 0,
            f"AsOf({self.table!r}) looks back a positive number of hours, got {self.within_hours}",
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.columns


@dataclass(frozen=True, slots=True)
class Window:
    """Statistics of the rows of `table` that became known in the last `days` days, for the entity's group `by`.

    `how` is "mean", "sum" or "count" of the column `of`. A mean is drawn towards the mean of all rows of the
    same window by `shrinkage` pseudo-rows, so that small groups do not shout. One output column for each length.
    """

    table: str
    of: str = field(kw_only=True)
    how: Literal["mean", "sum", "count"] = field(kw_only=True)
    days: tuple[int, ...] = field(kw_only=True)
    by: tuple[str, ...] = field(kw_only=True, default=())
    shrinkage: float = field(kw_only=True, default=0.0)

    def __post_init__(self) -> None:
        _require(self.how in ("mean", "sum", "count"), f"Window(how=...) is mean, sum or count, got {self.how!r}")
        _require(
            bool(self.days) and all(d > 0 for d in self.days),
            f"Window({self.table!r}) looks back over whole days of 1 or more, got days={self.days}",
        )
        _require(self.shrinkage >= 0, f"Window(shrinkage=...) is 0 or more pseudo-rows, got {self.shrinkage}")

    @property
    def outputs(self) -> tuple[str, ...]:
        group = "_and_".join(self.by) or "all"
        return tuple(f"{self.of}_{self.how}_by_{group}_{d}d" for d in self.days)


Feature = Column | Function | AsOf | Window


@dataclass(frozen=True, kw_only=True, slots=True)
class Logistic:
    """Logistic regression on one-hot categories and standardised numbers; `strength` is scikit-learn's C."""

    strength: float = 0.001
    name: str = "logistic"

    def __post_init__(self) -> None:
        _require(self.strength > 0, f"Logistic(strength=...) is positive, got {self.strength}")


@dataclass(frozen=True, kw_only=True, slots=True)
class GradientBoosting:
    """LightGBM trees; the arguments carry LightGBM's meaning, `random_splits` that of its `extra_trees`."""

    trees: int = 120
    leaves: int = 31
    learning_rate: float = 0.05
    rows_per_leaf: int = 100
    feature_share: float = 0.3
    row_share: float = 0.5
    random_splits: bool = False
    name: str = "gradient_boosting"

    def __post_init__(self) -> None:
        _require(self.trees > 0, f"GradientBoosting(trees=...) is 1 or more, got {self.trees}")
        _require(self.leaves > 1, f"GradientBoosting(leaves=...) is 2 or more, got {self.leaves}")
        _require(self.learning_rate > 0, f"GradientBoosting(learning_rate=...) is positive, got {self.learning_rate}")
        for share in (self.feature_share, self.row_share):
            _require(0 < share <= 1, f"GradientBoosting takes shares of features and rows in (0, 1], got {share}")


Candidate = Logistic | GradientBoosting


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What decisions cost, in one currency: acting, a miss, and the share of a miss that acting averts."""

    act: float
    miss: float
    averted: float

    def __post_init__(self) -> None:
        _require(self.act > 0 and self.miss > 0, f"costs are positive, got act={self.act}, miss={self.miss}")
        _require(0 < self.averted <= 1, f"acting averts a share between 0 and 1, got {self.averted}")

    @property
    def threshold(self) -> float:
        """The probability above which acting is cheaper: act / (averted x miss)."""
        return self.act / (self.averted * self.miss)


@dataclass(frozen=True, kw_only=True, slots=True)
class Milliseconds:
    """A bound on the 99th percentile of one answer's latency."""

    p99: float

    def __post_init__(self) -> None:
        _require(self.p99 > 0, f"a latency budget is positive, got {self.p99} ms")


@dataclass(frozen=True, kw_only=True, slots=True)
class Excluded:
    """A column that no feature may use, and why; it goes into the model card."""

    column: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """Rows judged apart: every level of the feature `by` that has at least `least_rows` rows."""

    by: str
    least_rows: int = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Gates:
    """The bars that a challenger must pass. All are on by default; a missing number refuses.

    A *change* of recipe must be shown better; a *refresh* of the same recipe must outperform, and be shown not worse
    than `refresh_margin` (log loss). A slice may not be worse than `slice_margin` (log loss) with confidence.
    """

    judged_nights: int = 7
    confidence: float = 0.95
    refresh_margin: float = 0.005
    slice_margin: float = 0.03
    worst_log_loss: float = 0.69
    least_auc: float = 0.55
    leak_auc: float = 0.95
    leak_auc_nights: int = 28

    def __post_init__(self) -> None:
        _require(self.judged_nights >= 2, f"a gate needs 2 nights or more to see any spread, got {self.judged_nights}")
        _require(0.5 < self.confidence < 1, f"confidence lies between .5 and 1, got {self.confidence}")
        _require(self.refresh_margin >= 0 and self.slice_margin >= 0, "margins are 0 or more")
        _require(0.5 <= self.least_auc < self.leak_auc <= 1, "least_auc lies below leak_auc, both between .5 and 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Triggers:
    """When to ask for retraining. None switches a trigger off; every number goes into the ledger.

    `calibration_gap` is |mean score - mean label| over the last `window_nights` matured nights, of which at least
    `least_nights` must be there; `log_loss_rise` is the relative rise over what the champion showed at its gate.
    """

    calibration_gap: float | None = 0.04
    log_loss_rise: float | None = None
    new_labels: int | None = 50_000
    age_nights: int | None = None
    window_nights: int = 14
    least_nights: int = 5
    cooldown_nights: int = 7

    def __post_init__(self) -> None:
        _require(1 <= self.least_nights <= self.window_nights, "least_nights lies between 1 and window_nights")
        _require(self.cooldown_nights >= 0, f"a cooldown is 0 nights or more, got {self.cooldown_nights}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """Who must approve a release: two different roles, each answered by a different person."""

    approvers: tuple[str, str]

    def __post_init__(self) -> None:
        _require(
            len(self.approvers) == 2 and self.approvers[0] != self.approvers[1],
            f"a release has two different approvers, got {self.approvers}",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsal:
    """The real nights that `make run` plays: a bulk history first, then single nights through the scheduler."""

    history: str
    nights: str

    def __post_init__(self) -> None:
        for text in (self.history, self.nights):
            try:
                nights.parse(text)
            except RequestError as error:
                raise DeclarationError(f"a rehearsal plays nights: {error}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class UseCase:
    """Everything generic code knows about one model: what is asked, of which data, judged and priced how."""

    name: str
    question: str
    owner: str = "ratchet"
    task: Binary
    entities: str
    tables: tuple[Table, ...]
    horizon: Night
    features: tuple[Feature, ...]
    candidates: tuple[Candidate, ...] = (Logistic(), GradientBoosting())
    cost: Cost
    latency_budget: Milliseconds = Milliseconds(p99=10)
    excluded: tuple[Excluded, ...] = ()
    slices: tuple[Slice, ...] = ()
    matured_share: float = 0.95
    gates: Gates = Gates()
    triggers: Triggers = Triggers()
    release: Release = Release(approvers=("tech_lead", "business_owner"))
    rehearsal: Rehearsal

    def __post_init__(self) -> None:
        _require(bool(_NAME.fullmatch(self.name)), f"a use case's name is lower_case, got {self.name!r}")
        _require_unique("tables", (table.name for table in self.tables))
        _require_unique("features", self.feature_names)
        _require_unique("candidates", (candidate.name for candidate in self.candidates))
        _require(bool(self.features), f"use case {self.name!r} declares no features")
        _require(bool(self.candidates), f"use case {self.name!r} declares no candidates")
        _require(0 < self.matured_share <= 1, f"matured_share lies between 0 and 1, got {self.matured_share}")
        known = {table.name for table in self.tables}
        for what, name in (("entities", self.entities), ("task.of", self.task.of), *self._looked_up()):
            _require(name in known, f"{what} names the table {name!r}, but {self.name!r} declares {sorted(known)}")
        _require(
            self.table(self.entities).night is not None,
            f"the entity table {self.entities!r} must name its night column",
        )
        for a_slice in self.slices:
            _require(a_slice.by in self.feature_names, f"Slice(by={a_slice.by!r}) must name one of the features")

    def _looked_up(self) -> Iterable[tuple[str, str]]:
        return [(f"{type(f).__name__}", f.table) for f in self.features if isinstance(f, AsOf | Window)]

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(name for feature in self.features for name in feature.outputs)

    @property
    def night_column(self) -> str:
        """The date column of the entity table that says which night an entity belongs to."""
        return str(self.table(self.entities).night)

    def table(self, name: str) -> Table:
        """Return the table called `name`; raises DeclarationError when there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise DeclarationError(f"use case {self.name!r} has no table {name!r}, only {[t.name for t in self.tables]}")
