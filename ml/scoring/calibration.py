"""The calibration of raw scores as probabilities or as numbers. `ml.targets.calibration` fits it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from ml.scoring.logistic import FloatOrArray, probability


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Platt scaling (Platt 1999): p = 1 / (1 + exp(-(slope x log-odds + offset))). The default is the identity."""

    slope: float = 1.0
    offset: float = 0.0

    def compensate(self, excess: float) -> "Calibration":
        """Return the calibration for log-odds that are too high by `excess`.

        >>> Calibration(slope=0.5, offset=1.0).compensate(4.0)  # 0.5 * (log-odds - 4) + 1
        Calibration(slope=0.5, offset=-1.0)
        """
        return Calibration(slope=self.slope, offset=self.offset - self.slope * excess)

    def apply(self, log_odds: FloatOrArray) -> FloatOrArray:
        """Return the probabilities of `log_odds`, which has the shape (n,) or is a scalar.

        >>> Calibration(slope=2.0).apply(np.array([0.0, np.log(3)])).round(4).tolist()  # 9 / (1 + 9)
        [0.5, 0.9]
        """
        return probability(self.slope * log_odds + self.offset)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """prediction = slope x raw + offset, clipped to the range of the training labels, `low` to `high`."""

    slope: float = 1.0
    offset: float = 0.0
    low: float
    high: float

    def compensate(self, excess: float) -> "Scaling":
        """Return the calibration for raw predictions that are too high by `excess`."""
        return Scaling(slope=self.slope, offset=self.offset - self.slope * excess, low=self.low, high=self.high)

    def apply(self, raw: FloatOrArray) -> FloatOrArray:
        """Return the predictions for `raw`, which has the shape (n,) or is a scalar.

        >>> Scaling(slope=2.0, offset=1.0, low=0.0, high=30.0).apply(np.array([-5.0, 10.0, 20.0])).tolist()
        [0.0, 21.0, 30.0]
        """
        predictions: FloatOrArray = np.minimum(np.maximum(self.slope * raw + self.offset, self.low), self.high)
        return predictions


Correction = Calibration | Scaling


def dump(correction: Correction) -> dict[str, float]:
    """Return `correction` as JSON values; `load` reads them."""
    return asdict(correction)


def load(state: Mapping[str, float]) -> Correction:
    """Return the calibration that `dump` wrote."""
    return Scaling(**state) if "low" in state else Calibration(**state)
