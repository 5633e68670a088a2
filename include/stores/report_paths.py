"""Paths and writers of report pages: Evidently's drift reports and the model cards. No decision reads them."""

import re
import warnings
from datetime import date
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from include.stores.files import atomic

_REFERENCE_ROWS, _SEED = 2_000, 2013
_BODY = re.compile(r"<body[^>]*>")
_EMPTY_PAGE = (
    "<!DOCTYPE html><html lang='en'><title>Drift</title><body><p>There is no column to compare.</p></body></html>"
)


def drift_report(reports: Path, use_case: str, night: date, subject: str = "features") -> Path:
    """Return the path of a night's drift report on the `subject` "features", "scores" or "requests"."""
    return reports / use_case / str(night) / ("drift.html" if subject == "features" else f"drift_of_{subject}.html")


def backtests(reports: Path, use_case: str) -> Path:
    """Return the folder of a use case's backtest reports, which has one folder for each backtest."""
    return reports / "backtests" / use_case


def model_card(reports: Path, use_case: str, night: date) -> Path:
    """Return the path of the model card of a night's training."""
    return reports / use_case / str(night) / "model_card.md"


def write_model_card(page: Path, text: bytes, html: bytes) -> None:
    """Write a model card, as Markdown to `page` and as HTML next to it."""
    atomic.write(page, text)
    atomic.write(page.with_suffix(".html"), html)


def write_figure(page: Path, name: str, content: bytes) -> None:
    """Write a figure that `page` shows into the folder of `page`."""
    atomic.write(page.parent / name, content)


def write_drift_report(page: Path, reference: pd.DataFrame, current: pd.DataFrame) -> None:
    """Write Evidently's report that compares `current` with a sample of `reference`.

    Columns that Evidently cannot compare, without any value or with infinite values on one side, are left out; the page
    names them. Importing Evidently takes seconds of CPU.
    """
    left_out = {name: why for name in reference if (why := _incomparable(reference[name], current[name]))}
    columns = [name for name in reference if name not in left_out]
    reasons = "; ".join(f"{name} {why}" for name, why in left_out.items())
    note = f"<p>Left out, because they cannot be compared: {escape(reasons)}.</p>" if left_out else ""
    html = _evidently(reference[columns], current[columns]) if columns else _EMPTY_PAGE
    atomic.write(page, _BODY.sub(lambda body: body.group() + note, html, count=1).encode())


def _incomparable(reference: pd.Series, current: pd.Series) -> str:
    """Return why a column cannot be compared; "" if it can."""
    for rows, side in ((reference, "in training"), (current, "now")):
        if not rows.notna().any():
            return f"has no value {side}"
        if pd.api.types.is_numeric_dtype(rows.dtype) and (infinite := int(np.isinf(rows.astype(np.float64)).sum())):
            return f"is infinite in {infinite} of {len(rows)} rows {side}"
    return ""


def _evidently(reference: pd.DataFrame, current: pd.DataFrame) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import Report
        from evidently.presets import DataDriftPreset

        sample = reference.sample(min(_REFERENCE_ROWS, len(reference)), random_state=_SEED)
        return str(Report([DataDriftPreset()]).run(current, sample).get_html_str(as_iframe=False))
