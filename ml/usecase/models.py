"""What is learned, and by which candidates."""

from dataclasses import dataclass

from ml.usecase.declaration import check, check_tuples


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """A yes-or-no question: `label` is a boolean column of the table `table`, true where the answer is yes."""

    label: str
    table: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Regression:
    """A question for a number: `label` is a numeric column of the table `table`, counted in `unit` ("minutes").

    The answer is the number that costs least: the quantile of the label that `PinballCost` implies.
    """

    label: str
    table: str
    unit: str

    def __post_init__(self) -> None:
        check(bool(self.unit), f"Regression(label={self.label!r}) says what its label counts (unit=)")


Task = Binary | Regression


@dataclass(frozen=True, kw_only=True, slots=True)
class Logistic:
    """Logistic regression on one-hot categories and standardised numbers; `strength` is scikit-learn's C."""

    strength: float = 0.001
    positive_weight: float = 1.0
    name: str = "logistic"

    def __post_init__(self) -> None:
        check(self.strength > 0, f"Logistic(strength=...) is positive, got {self.strength}")
        _check_weight(self.positive_weight)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearQuantile:
    """Quantile regression on the same inputs as `Logistic`; `penalty` weighs the squares of its weights."""

    penalty: float = 0.03
    name: str = "linear_quantile"

    def __post_init__(self) -> None:
        check(self.penalty >= 0, f"LinearQuantile(penalty=...) is 0 or more, got {self.penalty}")


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
    positive_weight: float = 1.0
    name: str = "gradient_boosting"

    def __post_init__(self) -> None:
        check(self.trees > 0, f"GradientBoosting(trees=...) is 1 or more, got {self.trees}")
        check(self.leaves > 1, f"GradientBoosting(leaves=...) is 2 or more, got {self.leaves}")
        check(self.learning_rate > 0, f"GradientBoosting(learning_rate=...) is positive, got {self.learning_rate}")
        for share in (self.feature_share, self.row_share):
            check(0 < share <= 1, f"GradientBoosting takes shares of features and rows in (0, 1], got {share}")
        _check_weight(self.positive_weight)


@dataclass(frozen=True, kw_only=True, slots=True)
class NeuralNet:
    """A multi-layer perceptron on the same inputs as `Logistic`; `layers` are the hidden ones, `penalty` scikit-learn's alpha."""

    layers: tuple[int, ...] = (32,)
    penalty: float = 0.001
    learning_rate: float = 0.001
    epochs: int = 8
    batch: int = 256
    positive_weight: float = 1.0
    name: str = "neural_net"

    def __post_init__(self) -> None:
        check_tuples(self)
        check(
            bool(self.layers) and all(size > 0 for size in self.layers),
            f"NeuralNet(layers=...) names the sizes of one hidden layer or more, got {self.layers}",
        )
        check(self.penalty >= 0, f"NeuralNet(penalty=...) is 0 or more, got {self.penalty}")
        check(self.learning_rate > 0, f"NeuralNet(learning_rate=...) is positive, got {self.learning_rate}")
        check(self.epochs > 0 and self.batch > 0, f"epochs and batch are 1 or more, got {self.epochs}, {self.batch}")
        _check_weight(self.positive_weight)


Candidate = Logistic | LinearQuantile | GradientBoosting | NeuralNet


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuning:
    """How the settings of each candidate are searched: the number of its trials, and the minutes that they may take together.

    A search that takes longer refuses the training, and finds nothing else: minutes are a bound, not a setting. Each
    candidate has them to itself, so that it does not matter which are searched side by side, or in which order.
    """

    trials: int
    minutes: float = 60.0

    def __post_init__(self) -> None:
        check(self.trials >= 1, f"a search makes 1 trial or more, got {self.trials}")
        check(self.minutes > 0, f"a search takes a positive number of minutes, got {self.minutes}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recency:
    """Rows count half as much for every `half_life_nights` nights that they are older than the newest."""

    half_life_nights: float

    def __post_init__(self) -> None:
        check(self.half_life_nights > 0, f"a half-life is a positive number of nights, got {self.half_life_nights}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Prior:
    """The baseline that gives every row the same answer: the best one for what was learned from."""

    name: str = "prior"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecentRate:
    """The baseline that answers with the feature `feature`, a share such as last week's by group, or the prior where it is missing."""

    feature: str
    name: str = "recent_rate"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecentMean:
    """The baseline that answers with the feature `feature`, a mean such as last week's by group, or the prior where it is missing."""

    feature: str
    name: str = "recent_mean"


Baseline = Prior | RecentRate | RecentMean


def _check_weight(positive_weight: float) -> None:
    check(positive_weight > 0, f"rows with the label yes weigh more than nothing, got {positive_weight}")
