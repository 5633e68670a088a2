"""Rolling evaluation over the year at both horizons, with Ratchet's own steps: train on earlier months, score the next.

The bars are the quality that features without leakage are known to reach on these data, pooled over February to
December.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench import workspace

USE_CASE, YEAR = "flights", "2013-01-01..2013-12-31"
FIRST_SCORED = "2013-02"
BARS = {
    "night": {"auc": 0.70, "log_loss": 0.535, "calibration_error": 0.03},
    "live": {"auc": 0.765, "log_loss": 0.48, "calibration_error": 0.02},
}


def run() -> dict[str, Any]:
    """Return the quality of each candidate at each horizon, by month and pooled, and the bars."""
    with workspace.temporary():
        return _measure()


def _measure() -> dict[str, Any]:
    from include import usecases
    from include.settings import load_settings
    from include.steps import ingest
    from include.steps.features import build
    from include.stores import warehouse

    case, settings, seconds = usecases.get(USE_CASE), load_settings(), {}
    warehouse.migrate(settings.warehouse_url)
    for name, step in (("ingest", ingest.ingest), ("features", build.build)):
        started = time.perf_counter()
        step(USE_CASE, YEAR)
        seconds[name] = round(time.perf_counter() - started, 1)
    measured = {
        each.horizon.name: evaluate(each, settings, workspace.training_rows(each, settings, YEAR), each.feature_names)
        for each in case.models
    }
    for name, each in measured.items():
        _show(name, each["candidates"])
    return {"bars": BARS, "seconds": seconds, **measured}


def evaluate(case: Any, settings: Any, rows: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return the quality of the candidates on the features `names` of `rows`, and the seconds that each took."""
    from ml import targets
    from ml.training import fitting

    months = np.array([night[:7] for night in rows.nights], object)
    pooled = months >= FIRST_SCORED
    spans = {**{str(month): months == month for month in np.unique(months[pooled])}, "pooled": pooled}
    target, measured = targets.from_labels(case, rows.labels), {}
    seconds: dict[str, float] = {}
    for candidate in case.candidates:
        scores, started = np.full(len(months), np.nan), time.perf_counter()
        for month in np.unique(months[pooled]):
            past = rows.select(months < month)
            material = fitting.prepare(
                past.frame,
                past.labels,
                past.nights,
                names,
                target=targets.from_labels(case, past.labels),
                seed=1,
                threads=settings.threads,
                texts=case.texts,
            )
            fitted = fitting.fit(candidate, material)
            scores[months == month] = fitted.model.predict(rows.frame[months == month])
        seconds[candidate.name] = round(time.perf_counter() - started, 1)
        measured[candidate.name] = {
            span: _quality(target.measure(rows.labels[mask], scores[mask], rows.nights[mask]))
            for span, mask in spans.items()
        }
    return {"candidates": measured, "seconds": seconds}


def _quality(quality: Any) -> dict[str, float]:
    names = ("rows", "auc", "average_precision", "log_loss", "brier", "calibration_error", "saved_per_1000")
    return {name: round(float(getattr(quality, name)), 4) for name in names}


def _show(horizon: str, measured: dict[str, Any]) -> None:
    table = Table(title=f"{USE_CASE}, {horizon}: rolling by month (bars: {BARS[horizon]})", title_justify="left")
    names = ("auc", "log_loss", "calibration_error", "saved_per_1000")
    for heading in ("candidate", "month", *names):
        table.add_column(heading)
    for candidate, spans in measured.items():
        for span, quality in spans.items():
            table.add_row(candidate, span, *(f"{quality[name]:.4f}" for name in names))
    Console().print(table)
