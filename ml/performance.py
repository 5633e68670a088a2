"""How the champion did: matured scores only, night by night and over a window of nights."""

from dataclasses import dataclass

import pandas as pd

from ml import metrics
from ml.usecase import Cost


@dataclass(frozen=True, kw_only=True, slots=True)
class Performance:
    """The matured rows of some nights, measured."""

    nights: int
    rows: int
    log_loss: float
    auc: float | None
    brier: float
    calibration_gap: float
    alert_rate: float
    cost: float
    saved_per_1000: float


def measure(matured: pd.DataFrame, cost: Cost) -> Performance | None:
    """Return the performance on the columns `night`, `score` and `label` of `matured`; None when it is empty."""
    if matured.empty:
        return None
    labels, scores = matured["label"].to_numpy(float), matured["score"].to_numpy(float)
    return Performance(
        nights=int(matured["night"].nunique()),
        rows=len(matured),
        log_loss=metrics.log_loss(labels, scores),
        auc=metrics.auc(labels, scores),
        brier=metrics.brier(labels, scores),
        calibration_gap=metrics.calibration_gap(labels, scores),
        alert_rate=float((scores > cost.threshold).mean()),
        cost=float(metrics.row_cost(labels, scores, cost).sum()),
        saved_per_1000=metrics.saved(labels, scores, cost),
    )
