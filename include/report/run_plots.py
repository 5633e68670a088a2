"""The plots of a demo run's report, as SVG that takes its colours from the page, light or dark."""

from collections.abc import Sequence

import matplotlib.dates as mpl_dates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from include.plotting import style as plot_style
from include.plotting.style import INK, MARK, MODEL, TRUTH
from include.report.run_summary import Night, Summary
from ml.targets import Target

_SMALLEST_BIN = 25


def loss(summary: Summary) -> str:
    """Return the loss by night; marks show the nights on which retraining was requested or the champion changed."""
    figure, axes = plot_style.new_figure()
    nights = [each for each in summary.nights if each.loss is not None]
    axes.plot(
        _days(nights),
        np.array([each.loss for each in nights], float),
        color=MODEL,
        marker="o",
        markersize=4,
        label=summary.display_names.loss,
    )
    _mark(axes, [each.night for each in summary.retrains], "retraining requested", ":")
    _mark(axes, [each.night for each in summary.releases if each.approved_by], "new champion", "-")
    return plot_style.finish_svg(figure, axes, f"{summary.display_names.loss} ({summary.display_names.loss_unit})")


def expected_and_observed(matured: pd.DataFrame, target: Target) -> str:
    """Return the mean score and label of each night; for a binary target, their difference is the calibration gap."""
    figure, axes = plot_style.new_figure()
    means = matured.groupby("night")[["score", "label"]].mean()
    days = pd.to_datetime(means.index)
    axes.plot(days, means["score"], color=MODEL, marker="o", markersize=4, label="expected (mean score)")
    observed = f"observed ({target.display_names.mean_label})"
    axes.plot(days, means["label"], color=TRUTH, marker="s", markersize=4, label=observed)
    if target.display_names.score_bounds:
        axes.set_ylim(*target.display_names.score_bounds)
    return plot_style.finish_svg(figure, axes, target.score_unit)


def reliability(matured: pd.DataFrame, target: Target) -> str:
    """Return the reliability diagram of all matured scores, in ten bins of equal size."""
    figure, axes = plot_style.new_figure()
    scores, labels = (matured[name].to_numpy(float) for name in ("score", "label"))
    observed = target.row_calibration(labels, scores)
    bins = np.array_split(np.argsort(scores), 10)
    points = [(scores[each].mean(), observed[each].mean()) for each in bins if len(each) >= _SMALLEST_BIN]
    ends = target.display_names.score_bounds or (float(scores.min()), float(scores.max()))
    axes.plot(
        ends, target.ideal_calibration(ends), color=INK, linewidth=0.8, linestyle="--", label="perfectly calibrated"
    )
    axes.plot(
        [score for score, _ in points],
        [value for _, value in points],
        color=MODEL,
        marker="o",
        label="a tenth of the rows",
    )
    axes.set_xlabel("score")
    return plot_style.finish_svg(figure, axes, target.display_names.observed_axis, dates=False)


def gains(summary: Summary) -> str:
    """Return every challenger's gain with its interval; to the right of zero, it is better than the champion."""
    releases = summary.releases
    figure, axes = plot_style.new_figure(height=1.2 + 0.4 * len(releases))
    for position, each in enumerate(releases):
        colour = MODEL if each.verdict == "promote" else INK
        axes.plot(each.interval, [position, position], color=colour, linewidth=2)
        axes.plot([each.gain], [position], color=colour, marker="o")
    axes.axvline(0, color=MARK, linewidth=0.8)
    axes.set_yticks(range(len(releases)), [f"{each.night} {each.bar}: {each.verdict}" for each in releases])
    axes.set_ylim(-0.6, len(releases) - 0.4)
    axes.invert_yaxis()
    axes.set_xlabel(f"{summary.display_names.loss} gain over the champion ({summary.display_names.loss_unit})")
    return plot_style.finish_svg(figure, axes, "", dates=False, legend=False)


def saved(by_night: pd.Series) -> str:
    """Return what acting on the scores saved in each night, per 1000 rows."""
    figure, axes = plot_style.new_figure()
    days = pd.to_datetime(by_night.index)
    spacing = min(np.diff(days).astype("timedelta64[D]").astype(int), default=1)
    axes.bar(days, by_night, color=[MODEL if value >= 0 else MARK for value in by_night], width=0.7 * float(spacing))
    axes.axhline(0, color=INK, linewidth=0.8)
    return plot_style.finish_svg(figure, axes, "saved per 1000 rows", legend=False)


def _days(nights: Sequence[Night]) -> pd.DatetimeIndex:
    return pd.to_datetime([each.night for each in nights])


def _mark(axes: Axes, nights: Sequence[str], label: str, style: str) -> None:
    low, high = axes.get_xlim()
    days = mpl_dates.date2num(pd.to_datetime(list(nights)))  # type: ignore[no-untyped-call]
    inside = [day for day in days if low <= day <= high]
    for index, day in enumerate(inside):
        axes.axvline(day, color=MARK, linestyle=style, linewidth=1, label=label if index == 0 else None)
