"""The report on a demo run as one HTML page: the dashboard's page of the use case, and what only a run has.

The page is one static file: it has no scripts, loads nothing, and does not link to the dashboard.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from include.dashboard import rendering
from include.dashboard.use_case_page import UseCaseDetail
from include.report import run_plots
from include.report.played_nights import PlayedNights
from include.report.run_summary import Summary
from ml.targets import Target

TEMPLATES = Path(__file__).parent / "templates"


def render(
    summary: Summary,
    detail: UseCaseDetail,
    matured: pd.DataFrame,
    target: Target | None,
    confidence: float,
    played: PlayedNights | None = None,
) -> str:
    """Return the page; `matured` has the columns night, score and label, one row for each matured score that is
    out of sample.

    `target` is the target of the last champion, None before the first. `confidence` is that of the intervals.
    `played` is a longer run that was played before.
    """
    pictures = {}
    if target is not None and not matured.empty:
        detail = _add_scores_and_labels(detail, matured, target)
        pictures["Reliability of all matured out-of-sample scores, with intervals over nights."] = (
            run_plots.reliability(matured, target, confidence)
        )
    has_matured = bool(pictures)
    if summary.releases:
        pictures["Gain of each challenger over the champion, with intervals over nights."] = run_plots.gains(summary)
    return rendering.render(
        "run.html",
        folder=TEMPLATES,
        summary=summary,
        detail=detail,
        status=detail.status,
        totals=_totals(summary),
        retrains={each.night: each for each in summary.retrains},
        has_matured=has_matured,
        played=played,
        pictures=pictures,
        versions=_table_versions(summary),
        durations=[(part, f"{seconds:,.1f}") for part, seconds in summary.seconds.items()],
    )


def _add_scores_and_labels(detail: UseCaseDetail, matured: pd.DataFrame, target: Target) -> UseCaseDetail:
    """Return `detail` with the chart of scores and labels among the charts of the model."""
    model, *others = detail.sections
    chart = run_plots.scores_and_labels(matured, target, model.charts[0].marks)
    return replace(detail, sections=(replace(model, charts=(*model.charts, chart)), *others))


def _totals(summary: Summary) -> dict[str, int]:
    return {
        "nights": len(summary.nights),
        "rows in": sum(each.rows_in for each in summary.nights),
        "quarantined": sum(each.rows_quarantined for each in summary.nights),
        "scores issued": sum(each.scored for each in summary.nights),
        "retraining requests": len(summary.retrains),
        "champions": sum(bool(each.approved_by) for each in summary.releases),
    }


def _table_versions(summary: Summary) -> tuple[tuple[str, ...], ...]:
    """Return a header, and for each scored night a row with the version of each table."""
    tables = sorted({table for versions in summary.table_versions.values() for table in versions})
    rows = (
        (night, *(str(versions.get(table, "")) for table in tables))
        for night, versions in summary.table_versions.items()
    )
    return (("night", *tables), *rows)
