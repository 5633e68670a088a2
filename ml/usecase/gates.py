"""Declarations of costs, budgets, slices, fairness and the bars of the gate."""

from dataclasses import dataclass

from ml.usecase.declaration import check, check_types, check_unique


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """The costs of decisions, in one currency: acting, a miss, and the share of a miss that acting averts."""

    act: float
    miss: float
    averted: float

    def __post_init__(self) -> None:
        check_types(self)
        check(self.act > 0 and self.miss > 0, f"costs are positive, got act={self.act}, miss={self.miss}")
        check(0 < self.averted <= 1, f"acting averts a share between 0 and 1, got {self.averted}")

    @property
    def threshold(self) -> float:
        """The probability above which acting is cheaper: act / (averted x miss).

        >>> Cost(act=10.0, miss=100.0, averted=0.8).threshold
        0.125
        """
        return self.act / (self.averted * self.miss)


@dataclass(frozen=True, kw_only=True, slots=True)
class PinballCost:
    """The cost of an error of one unit: `under` if the prediction is too low, `over` if it is too high."""

    under: float
    over: float

    def __post_init__(self) -> None:
        check_types(self)
        check(self.under > 0 and self.over > 0, f"costs are positive, got under={self.under}, over={self.over}")

    @property
    def quantile(self) -> float:
        """The quantile of the label with the lowest expected cost: under / (under + over), as for the newsvendor.

        >>> PinballCost(under=3.0, over=1.0).quantile
        0.75
        """
        return self.under / (self.under + self.over)


@dataclass(frozen=True, kw_only=True, slots=True)
class Milliseconds:
    """A bound on the 99th percentile of the latency of a single request, in CPU time before a release."""

    p99: float

    def __post_init__(self) -> None:
        check_types(self)
        check(self.p99 > 0, f"a latency budget is positive, got {self.p99} ms")


@dataclass(frozen=True, kw_only=True, slots=True)
class Megabytes:
    """Bounds in millions of bytes: the size of a package, and the memory of the process that serves it."""

    package: float = 50
    memory: float = 500

    def __post_init__(self) -> None:
        check_types(self)
        check(self.package > 0 and self.memory > 0, f"budgets are positive, got {self.package} and {self.memory} MB")


@dataclass(frozen=True, kw_only=True, slots=True)
class Excluded:
    """A column that no feature may use, and why; it goes into the model card."""

    column: str
    why: str

    def __post_init__(self) -> None:
        check_types(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeterministicLevels:
    """Levels of the feature `feature` that determine the label by definition and are known at the cutoff, and why.

    The leak alarm lets them pass; they go into the model card. Levels are written as they print ("missing" is one).
    """

    feature: str
    levels: tuple[str, ...]
    why: str

    def __post_init__(self) -> None:
        check_types(self)
        check(
            bool(self.levels),
            f"DeterministicLevels(feature={self.feature!r}) names the levels that determine the label",
        )
        check(bool(self.why), f"say why the levels {self.levels} of {self.feature!r} determine the label (why=)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """Rows that are evaluated separately: every level of the feature `feature` with at least `min_rows` rows."""

    feature: str
    min_rows: int = 400

    def __post_init__(self) -> None:
        check_types(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeCase:
    """Rows that experts want evaluated separately, and why: those where `condition` is not 0.

    `condition` names a feature, or a function of `features.py` whose parameters are features.
    """

    name: str
    condition: str
    why: str

    def __post_init__(self) -> None:
        check_types(self)
        check(bool(self.name) and bool(self.why), f"name the edge case {self.condition!r} and say why it is one (why=)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fairness:
    """Groups that a model must treat alike: the levels of each column of `group_by`, a feature or a column of entities.

    `population` says which rows are compared, as `EdgeCase(condition=...)` does; all rows where it is empty. Groups of
    `min_rows` rows or more are gated: their ratio of mean score to mean label, relative to that of all rows, must not
    be shown outside `min_calibration` to `max_calibration`, and their ROC AUC must not be shown lower than that of all
    rows by more than `auc_margin`.

    For a regression target, the share of labels below the prediction must not be shown further than `coverage_margin`
    from that of all rows, and the loss must not be shown above `max_loss` times that of all rows.
    """

    group_by: tuple[str, ...]
    population: str = ""
    min_rows: int = 400
    min_calibration: float = 0.85
    max_calibration: float = 1.20
    auc_margin: float = 0.05
    coverage_margin: float = 0.1
    max_loss: float = 1.5

    def __post_init__(self) -> None:
        check_types(self)
        check_unique("Fairness(group_by=...): columns", self.group_by)
        check(bool(self.group_by), "Fairness(group_by=...) names the columns whose groups are compared")
        check(self.min_rows >= 1, f"min_rows is 1 or more, got {self.min_rows}")
        check(
            0 < self.min_calibration < 1 < self.max_calibration,
            f"calibration bounds lie on both sides of 1, got {self.min_calibration} and {self.max_calibration}",
        )
        check(self.auc_margin >= 0, f"auc_margin is 0 or more, got {self.auc_margin}")
        check(0 <= self.coverage_margin < 1, f"coverage_margin is a share below 1, got {self.coverage_margin}")
        check(self.max_loss > 1, f"max_loss is a multiple above 1, got {self.max_loss}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Refit:
    """The released model is refitted with the judged rows, provided that it is equivalent to the judged model.

    On rows without labels yet, its scores may differ from the judged model's by `max_score_difference` on average, at
    most a share of `max_flipped_share` of the decisions may change, and Spearman's rank correlation must be at least
    `min_rank_correlation`. On the judged rows, which the refit was trained on, the loss may rise by `max_loss_rise`.

    For a regression target, predictions may differ by `max_answer_difference` on average, in units of the best
    constant's loss; predictions that differ by more than 1 count as changed decisions.

    The defaults let pass all 46 honest pairs that were measured on a year of real nights. They hold for the first
    refits of a use case; later bars come from its own earlier refits
    (`ml.promotion.refit_equivalence.bars_from_history`).
    """

    max_score_difference: float = 0.16
    max_answer_difference: float = 0.3
    max_flipped_share: float = 0.4
    min_rank_correlation: float = 0.7
    max_loss_rise: float = 0.0

    def __post_init__(self) -> None:
        check_types(self)
        check(
            0 < self.max_score_difference < 1,
            f"max_score_difference lies between 0 and 1, got {self.max_score_difference}",
        )
        check(
            0 < self.max_flipped_share < 1,
            f"max_flipped_share is a share between 0 and 1, got {self.max_flipped_share}",
        )
        check(self.max_answer_difference > 0, f"max_answer_difference is positive, got {self.max_answer_difference}")
        check(self.max_loss_rise >= 0, f"max_loss_rise is 0 or more, got {self.max_loss_rise}")
        check(
            0 < self.min_rank_correlation <= 1,
            f"min_rank_correlation lies above 0, up to 1, got {self.min_rank_correlation}",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Gates:
    """The bars that a challenger must pass. All are on by default; if a number is missing, the check fails.

    A challenger must be shown better than the champion, in loss or in centred loss (the loss after the level of each
    night is adjusted, see `ml.promotion.paired_gains`), and not be shown worse in either. If only the centred loss
    shows it, the loss must be shown not worse than `refresh_margin`. A *refresh* of the champion's recipe that is not
    shown better may be adopted on other evidence (`Adoption`); a *change* of recipe may not. No slice may be shown
    worse than `slice_margin`. The latest `recent_nights` of the judged nights are shown separately, and not gated.
    `judged_nights` nights are judged; a use case may judge up to `max_judged_nights` of the nights that the champion
    has not used, at most a quarter of all: the more nights, the smaller the gain that can be shown.

    Margins are in log loss (nats), or in relative loss for a regression target, where 1 is the loss of the best
    constant. `max_log_loss`, `min_auc` and `leak_auc` apply to binary targets. `min_skill` and `leak_skill` apply to
    regression: skill is the share of the constant's loss that the model saves. Above `leak_auc` or `leak_skill`, a leak
    is assumed.
    """

    judged_nights: int = 7
    max_judged_nights: int | None = None
    recent_nights: int = 2
    confidence: float = 0.95
    refresh_margin: float = 0.005
    slice_margin: float = 0.03
    max_log_loss: float = 0.69
    min_auc: float = 0.55
    leak_auc: float = 0.95
    leak_auc_nights: int = 28
    min_skill: float = 0.0
    leak_skill: float = 0.8
    leak_skill_nights: int = 28

    def __post_init__(self) -> None:
        check_types(self)
        check(self.judged_nights >= 2, f"a gate needs 2 nights or more for an interval, got {self.judged_nights}")
        check(
            self.judged_nights_limit >= self.judged_nights,
            f"max_judged_nights is judged_nights ({self.judged_nights}) or more, got {self.max_judged_nights}",
        )
        check(
            2 <= self.recent_nights <= self.judged_nights,
            f"recent_nights lies between 2 and judged_nights ({self.judged_nights}), got {self.recent_nights}",
        )
        check(0.5 < self.confidence < 1, f"confidence lies between .5 and 1, got {self.confidence}")
        check(self.refresh_margin >= 0 and self.slice_margin >= 0, "margins are 0 or more")
        check(0.5 <= self.min_auc < self.leak_auc <= 1, "min_auc lies below leak_auc, both between .5 and 1")
        check(0 <= self.min_skill < self.leak_skill <= 1, "min_skill lies below leak_skill, both between 0 and 1")

    @property
    def judged_nights_limit(self) -> int:
        """The largest number of nights on which a challenger is judged."""
        return self.judged_nights if self.max_judged_nights is None else self.max_judged_nights
