"""What a model must be worth: cost, latency, slices and the bars of the gate."""

from dataclasses import dataclass

from ml.usecase.declaration import check, check_tuples, check_unique


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What decisions cost, in one currency: acting, a miss, and the share of a miss that acting averts."""

    act: float
    miss: float
    averted: float

    def __post_init__(self) -> None:
        check(self.act > 0 and self.miss > 0, f"costs are positive, got act={self.act}, miss={self.miss}")
        check(0 < self.averted <= 1, f"acting averts a share between 0 and 1, got {self.averted}")

    @property
    def threshold(self) -> float:
        """The probability above which acting is cheaper: act / (averted x miss)."""
        return self.act / (self.averted * self.miss)


@dataclass(frozen=True, kw_only=True, slots=True)
class PinballCost:
    """What an answer costs that is off by a unit: `under` where it lies below what comes, `over` where above."""

    under: float
    over: float

    def __post_init__(self) -> None:
        check(self.under > 0 and self.over > 0, f"costs are positive, got under={self.under}, over={self.over}")

    @property
    def quantile(self) -> float:
        """The quantile of the label that costs least as an answer: under / (under + over), the newsvendor's."""
        return self.under / (self.under + self.over)


@dataclass(frozen=True, kw_only=True, slots=True)
class Milliseconds:
    """A bound on the 99th percentile of one answer's latency."""

    p99: float

    def __post_init__(self) -> None:
        check(self.p99 > 0, f"a latency budget is positive, got {self.p99} ms")


@dataclass(frozen=True, kw_only=True, slots=True)
class Megabytes:
    """Bounds, in millions of bytes, on a package and on the memory of the process that answers from it."""

    package: float = 50
    memory: float = 500

    def __post_init__(self) -> None:
        check(self.package > 0 and self.memory > 0, f"budgets are positive, got {self.package} and {self.memory} MB")


@dataclass(frozen=True, kw_only=True, slots=True)
class Excluded:
    """A column that no feature may use, and why; it goes into the model card."""

    column: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeterministicLevels:
    """Levels of the feature `by` that settle the label by definition and are known at the cutoff, and why.

    The leak alarm lets them pass; they go into the model card. Levels are written as they print ("missing" is one).
    """

    feature: str
    levels: tuple[str, ...]
    why: str

    def __post_init__(self) -> None:
        check_tuples(self)
        check(
            bool(self.levels), f"DeterministicLevels(feature={self.feature!r}) names the levels that settle the label"
        )
        check(bool(self.why), f"say why the levels {self.levels} of {self.feature!r} settle the label (why=)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """Rows judged apart: every level of the feature `by` that has at least `least_rows` rows."""

    feature: str
    min_rows: int = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeCase:
    """Rows that experts want judged apart, and why: those where `where` is not 0.

    `where` names a feature, or a function of `features.py` whose parameters are features.
    """

    name: str
    condition: str
    why: str

    def __post_init__(self) -> None:
        check(bool(self.name) and bool(self.why), f"name the edge case {self.condition!r} and say why it is one (why=)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fairness:
    """Whom a model must treat alike: the levels of each column of `by`, features or columns of the entities.

    `among` says which rows are compared, as `EdgeCase(where=...)` does; all when it says nothing.
    Gated are groups of `least_rows` or more: mean score over mean label, as a multiple of everybody's, may not be shown
    outside `least_calibration` to `most_calibration`, nor ROC AUC shown lower than everybody's by more than `auc_margin`.

    Where a number is asked for, the share of labels at or below the answer may not be shown further from everybody's than
    `coverage_margin`, nor the loss shown above `most_loss` times everybody's.
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
        check_tuples(self)
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
    """Let what is released learn from the judged rows too, as long as it agrees with the model that was judged.

    On rows that wait for their labels, its scores may lie `scores_apart` from the judged model's in the mean, and the share
    `flipped` of decisions may change; Spearman's correlation is `least_rank` or more. On the judged rows, which it has
    learned from, the loss may rise by `loss_rise`.

    Where a number is asked for, answers may lie `answers_apart` from each other in the mean, 1 being what always the same
    answer loses; those further apart than 1 are other decisions.
    """

    max_score_difference: float = 0.03
    max_answer_difference: float = 0.1
    max_flipped_share: float = 0.05
    min_rank_correlation: float = 0.95
    max_loss_rise: float = 0.0

    def __post_init__(self) -> None:
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
    """The bars that a challenger must pass. All are on by default; a missing number refuses.

    A *change* of recipe must be shown better; a *refresh* of the same recipe must outperform, and be shown not worse
    than `refresh_margin`. A slice may not be worse than `slice_margin` with confidence. The latest `recent_nights` of the
    judged ones are shown apart, not gated. Judged are `judged_nights`, and where a use case says so, up to `most_judged_nights`
    of those that the champion has not used, a quarter of all at most: the more of them, the smaller a gain that can be shown.

    Margins are of log loss (nats), and where a number is asked for of its loss, 1 being that of always answering the
    same. `worst_log_loss` and the two bars of ROC AUC are for a yes or no. For a number there is skill, the share of that
    constant's loss which a model spares: at least `least_skill`, and above `leak_skill` it is no skill.
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
        check(self.judged_nights >= 2, f"a gate needs 2 nights or more to see any spread, got {self.judged_nights}")
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
        """The most nights that are judged on."""
        return self.judged_nights if self.max_judged_nights is None else self.max_judged_nights
