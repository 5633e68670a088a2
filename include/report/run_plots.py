"""The plots of a demo run's report: those that the dashboard's page of the use case does not have."""

import pandas as pd

from include.dashboard.line_charts import Chart, Mark, Point, Series
from include.plotting import style, training_plots
from include.plotting.style import INK, MARK, MODEL
from include.report.run_summary import Summary
from ml.metrics import curves
from ml.statistics.intervals import ScoredRows
from ml.targets import Target


def scores_and_labels(matured: pd.DataFrame, target: Target, marks: tuple[Mark, ...]) -> Chart:
    """Return the mean score and label of each night; for a binary target, their difference is the calibration gap."""
    means = matured.groupby("night")[["score", "label"]].mean()
    names = {"score": "expected (mean score)", "label": f"observed ({target.display_names.mean_label})"}
    return Chart(
        title=f"mean score and mean label ({target.score_unit})",
        series=tuple(
            Series(
                name=name,
                points=tuple(
                    Point(night=night, value=float(value))
                    for night, value in zip(means.index, means[column], strict=True)
                ),
            )
            for column, name in names.items()
        ),
        marks=marks,
    )


def reliability(matured: pd.DataFrame, target: Target, confidence: float) -> str:
    """Return the reliability diagram of all matured scores as SVG, with intervals over nights."""
    scores, labels = (matured[name].to_numpy(float) for name in ("score", "label"))
    rows = ScoredRows(frame=matured, labels=labels, scores=scores, nights=matured["night"].to_numpy())
    bins = curves.reliability_bins(rows, target.row_calibration(labels, scores), confidence)
    return training_plots.reliability(bins, target)


def gains(summary: Summary) -> str:
    """Return every challenger's gain with its interval; to the right of zero, it is better than the champion."""
    releases = summary.releases
    figure, axes = style.new_figure(height=1.2 + 0.4 * len(releases))
    for position, each in enumerate(releases):
        colour = MODEL if each.verdict == "promote" else INK
        axes.plot(each.interval, [position, position], color=colour, linewidth=2)
        axes.plot([each.gain], [position], color=colour, marker="o")
    axes.axvline(0, color=MARK, linewidth=0.8)
    axes.set_yticks(range(len(releases)), [f"{each.night} {each.bar}: {each.verdict}" for each in releases])
    axes.set_ylim(-0.6, len(releases) - 0.4)
    axes.invert_yaxis()
    axes.set_xlabel(f"{summary.display_names.loss} gain over the champion ({summary.display_names.loss_unit})")
    return style.to_svg(figure)
