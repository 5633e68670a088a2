"""Paths and writers of report pages: Evidently's drift reports and the model cards. No decision reads them."""

import warnings
from datetime import date
from pathlib import Path

import pandas as pd

from include.stores.files import atomic

_REFERENCE_ROWS, _SEED = 2_000, 2013


def drift_report(reports: Path, use_case: str, night: date, subject: str = "features") -> Path:
    """Return the path of a night's drift report on the `subject` "features", "scores" or "requests"."""
    return reports / use_case / str(night) / ("drift.html" if subject == "features" else f"drift_of_{subject}.html")


def backtests(reports: Path, use_case: str) -> Path:
    """Return the folder of a use case's backtest reports, which has one folder for each backtest."""
    return reports / "replay" / use_case


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

    Columns without any value on one side are left out, because Evidently cannot compare them. Importing Evidently takes
    seconds of CPU.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import Report
        from evidently.presets import DataDriftPreset

        columns = [name for name in reference if reference[name].notna().any() and current[name].notna().any()]
        sample = reference[columns].sample(min(_REFERENCE_ROWS, len(reference)), random_state=_SEED)
        html = Report([DataDriftPreset()]).run(current[columns], sample).get_html_str(as_iframe=False)
    atomic.write(page, html.encode())
