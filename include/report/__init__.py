"""The report on a demo run: data (`run.json`), a page with plots (`index.html`), and tables in the terminal."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pandas as pd
import sqlalchemy as sa

from include.dashboard import use_case_page
from include.report import live_day, played_nights
from include.report.run_page import render
from include.report.run_summary import Summary, gather
from include.report.terminal import show
from include.settings import Settings
from include.steps.adoption import retraining_gain
from include.steps.context import StepContext
from include.stores import ledger, packages
from include.stores.files import atomic
from ml import targets
from ml.errors import SCORING_ERRORS
from ml.monitoring.retraining_gain import RetrainingGain
from ml.packaging import package_files
from ml.targets import Target
from ml.usecase import UseCase
from ml.usecase.periods import Period

__all__ = ["Summary", "gather", "render", "show", "write"]


def write(use_case: UseCase, settings: Settings, period: Period, seconds: Mapping[str, float]) -> Summary:
    """Write `run.json` and `index.html` for the nights of `period` into the reports folder, and return the summary."""
    context = StepContext(case=use_case, settings=settings)
    engine, matured = context.engine, retraining_gain.published_rows(context, period)
    target = _target(use_case, engine, settings)
    summary = gather(
        engine,
        use_case,
        period,
        seconds,
        _retraining_gain(context, period, matured),
        live_day.gather(use_case, context, target),
    )
    atomic.write(settings.reports / "run.json", (json.dumps(summary.as_json(), indent=1) + "\n").encode())
    detail = use_case_page.gather(engine, use_case, datetime.now(UTC), period)
    page = render(
        summary,
        detail,
        matured,
        target,
        use_case.gates.confidence,
        played_nights.find(use_case.name),
    )
    atomic.write(settings.reports / "index.html", page.encode())
    return summary


def _retraining_gain(context: StepContext, period: Period, published: pd.DataFrame) -> RetrainingGain | None:
    """Return what retraining was worth in `period`; None if that cannot be computed: the report does not depend on it."""
    try:
        return retraining_gain.measure(context, period, published)
    except SCORING_ERRORS:
        return None


def _target(use_case: UseCase, engine: sa.Engine, settings: Settings) -> Target | None:
    """Return the target from the package of the last champion; None before the first."""
    champion = ledger.champion(engine, use_case.name)
    if champion is None:
        return None
    return targets.from_facts(
        use_case, package_files.facts(packages.get(settings.packages, champion.subject, settings.trusted_keys))
    )
