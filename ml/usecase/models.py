"""What is learned, and by which candidates."""

from dataclasses import dataclass

from ml.usecase.declaring import require


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """A yes-or-no question; `label` is a boolean column of the table `of`, true where the answer is yes."""

    label: str
    of: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Logistic:
    """Logistic regression on one-hot categories and standardised numbers; `strength` is scikit-learn's C."""

    strength: float = 0.001
    name: str = "logistic"

    def __post_init__(self) -> None:
        require(self.strength > 0, f"Logistic(strength=...) is positive, got {self.strength}")


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
        require(self.trees > 0, f"GradientBoosting(trees=...) is 1 or more, got {self.trees}")
        require(self.leaves > 1, f"GradientBoosting(leaves=...) is 2 or more, got {self.leaves}")
        require(self.learning_rate > 0, f"GradientBoosting(learning_rate=...) is positive, got {self.learning_rate}")
        for share in (self.feature_share, self.row_share):
            require(0 < share <= 1, f"GradientBoosting takes shares of features and rows in (0, 1], got {share}")


Candidate = Logistic | GradientBoosting
