"""What a rehearsal came to: as data (`run.json`), as a page with plots (`index.html`), and as tables in the terminal."""

import json
from collections.abc import Mapping

from include.report.page import render
from include.report.summary import Summary, gather
from include.report.terminal import show
from include.settings import Settings
from include.stores import atomic, warehouse
from ml.usecase import UseCase

__all__ = ["Summary", "gather", "render", "show", "write"]


def write(use_case: UseCase, settings: Settings, seconds: Mapping[str, float]) -> Summary:
    """Write `run.json` and `index.html` into the reports folder and return what they say."""
    engine, period = warehouse.engine(settings.warehouse_url), use_case.horizon.parse(use_case.rehearsal.nights)
    summary = gather(engine, use_case, period, seconds)
    known_by = use_case.horizon.cutoff(period.last)
    matured = warehouse.matured(engine, use_case.name, period.first, period.last, known_by)
    atomic.write(settings.reports / "run.json", (json.dumps(summary.as_json(), indent=1) + "\n").encode())
    atomic.write(settings.reports / "index.html", render(summary, use_case, matured).encode())
    return summary
