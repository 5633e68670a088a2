"""Pages for people: Evidently's drift report beside the numbers that decide, and a training's model card."""

import warnings
from datetime import date
from pathlib import Path

import pandas as pd

from include.stores.files import atomic

_REFERENCE_ROWS, _SEED = 2_000, 2013


def drift_report(reports: Path, use_case: str, night: date, subject: str = "features") -> Path:
    """Return where the drift page of a night rests, that `of` its features, its scores or its requests."""
    return reports / use_case / str(night) / ("drift.html" if subject == "features" else f"drift_of_{subject}.html")


def backtests(reports: Path, use_case: str) -> Path:
    """Return where the replays of a use case rest, a folder for each."""
    return reports / "replay" / use_case


def model_card(reports: Path, use_case: str, night: date) -> Path:
    """Return where the model card of a night's training rests."""
    return reports / use_case / str(night) / "model_card.md"


def write_model_card(page: Path, text: bytes, html: bytes) -> None:
    """Write a model card, as Markdown at `page` and as HTML beside it."""
    atomic.write(page, text)
    atomic.write(page.with_suffix(".html"), html)


def write_figure(page: Path, name: str, content: bytes) -> None:
    """Write a picture that `page` shows, in its folder."""
    atomic.write(page.parent / name, content)


def write_drift_report(page: Path, reference: pd.DataFrame, current: pd.DataFrame) -> None:
    """Write Evidently's report on `current` against a sample of `reference`; importing Evidently takes seconds of CPU.

    Columns without any value on one side are left out: Evidently has no answer for them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import Report
        from evidently.presets import DataDriftPreset

        columns = [name for name in reference if reference[name].notna().any() and current[name].notna().any()]
        sample = reference[columns].sample(min(_REFERENCE_ROWS, len(reference)), random_state=_SEED)
        html = Report([DataDriftPreset()]).run(current[columns], sample).get_html_str(as_iframe=False)
    atomic.write(page, html.encode())
