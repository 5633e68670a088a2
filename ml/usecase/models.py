"""Declarations of the task, the candidates, the baselines and the tuning."""

from dataclasses import dataclass

from ml.usecase.declaration import check, check_types


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """Binary classification: `label` is a boolean column of the table `table`, or a float column of 0 and 1."""

    label: str
    table: str

    def __post_init__(self) -> None:
        check_types(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Regression:
    """Regression: `label` is a numeric column of the table `table`, in the unit `unit` (such as "minutes").

    The prediction is the number with the lowest expected cost: the quantile of the label that `PinballCost` implies.
    """

    label: str
    table: str
    unit: str

    def __post_init__(self) -> None:
        check_types(self)
        check(bool(self.unit), f"Regression(label={self.label!r}) needs the unit of its label (unit=)")


Task = Binary | Regression


@dataclass(frozen=True, kw_only=True, slots=True)
class Logistic:
    """Logistic regression on one-hot categories and standardised numbers; `strength` is scikit-learn's C."""

    strength: float = 0.001
    positive_weight: float = 1.0
    name: str = "logistic"

    def __post_init__(self) -> None:
        check_types(self)
        check(self.strength > 0, f"Logistic(strength=...) is positive, got {self.strength}")
        _check_weight(self.positive_weight)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearQuantile:
    """Linear quantile regression on the same inputs as `Logistic`; `penalty` is the ridge penalty."""

    penalty: float = 0.03
    name: str = "linear_quantile"

    def __post_init__(self) -> None:
        check_types(self)
        check(self.penalty >= 0, f"LinearQuantile(penalty=...) is 0 or more, got {self.penalty}")


@dataclass(frozen=True, kw_only=True, slots=True)
class GradientBoosting:
    """LightGBM trees; the arguments have the meaning of LightGBM's, and `random_splits` is its extra_trees."""

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
        check_types(self)
        check(self.trees > 0, f"GradientBoosting(trees=...) is 1 or more, got {self.trees}")
        check(self.leaves > 1, f"GradientBoosting(leaves=...) is 2 or more, got {self.leaves}")
        check(self.learning_rate > 0, f"GradientBoosting(learning_rate=...) is positive, got {self.learning_rate}")
        for share in (self.feature_share, self.row_share):
            check(0 < share <= 1, f"GradientBoosting takes shares of features and rows in (0, 1], got {share}")
        _check_weight(self.positive_weight)


@dataclass(frozen=True, kw_only=True, slots=True)
class NeuralNet:
    """A multi-layer perceptron with hidden `layers` on the inputs of `Logistic`; `penalty` is scikit-learn's alpha."""

    layers: tuple[int, ...] = (32,)
    penalty: float = 0.001
    learning_rate: float = 0.001
    epochs: int = 8
    batch: int = 256
    positive_weight: float = 1.0
    name: str = "neural_net"

    def __post_init__(self) -> None:
        check_types(self)
        check(
            bool(self.layers) and all(size > 0 for size in self.layers),
            f"NeuralNet(layers=...) has the sizes of one hidden layer or more, got {self.layers}",
        )
        check(self.penalty >= 0, f"NeuralNet(penalty=...) is 0 or more, got {self.penalty}")
        check(self.learning_rate > 0, f"NeuralNet(learning_rate=...) is positive, got {self.learning_rate}")
        check(self.epochs > 0 and self.batch > 0, f"epochs and batch are 1 or more, got {self.epochs}, {self.batch}")
        _check_weight(self.positive_weight)


Candidate = Logistic | LinearQuantile | GradientBoosting | NeuralNet


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuning:
    """The hyperparameter search of each candidate: the number of `trials`, and a limit in `minutes` for all of them.

    A search that exceeds the limit refuses the training; the limit does not affect the result otherwise. Each candidate
    has the full limit, so that neither parallel searches nor their order matter.
    """

    trials: int
    minutes: float = 60.0

    def __post_init__(self) -> None:
        check_types(self)
        check(self.trials >= 1, f"trials is 1 or more, got {self.trials}")
        check(self.minutes > 0, f"minutes is positive, got {self.minutes}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recency:
    """Recency weighting: the weight of a row halves with every `half_life_nights` nights of its age."""

    half_life_nights: float

    def __post_init__(self) -> None:
        check_types(self)
        check(self.half_life_nights > 0, f"a half-life is a positive number of nights, got {self.half_life_nights}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Prior:
    """The baseline that predicts the best constant of the training labels for all rows."""

    name: str = "prior"

    def __post_init__(self) -> None:
        check_types(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecentRate:
    """The baseline that predicts `feature`, such as last week's rate by group, or the prior where it is missing."""

    feature: str
    name: str = "recent_rate"

    def __post_init__(self) -> None:
        check_types(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecentMean:
    """The baseline that predicts `feature`, such as last week's mean by group, or the prior where it is missing."""

    feature: str
    name: str = "recent_mean"

    def __post_init__(self) -> None:
        check_types(self)


Baseline = Prior | RecentRate | RecentMean


def _check_weight(positive_weight: float) -> None:
    check(positive_weight > 0, f"positive_weight is positive, got {positive_weight}")
