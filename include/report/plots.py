"""The report's pictures, as SVG that takes its colours from the page, light or dark."""

from collections.abc import Sequence

import matplotlib.dates as mpl_dates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from include.report import canvas
from include.report.canvas import INK, MARK, MODEL, TRUTH
from include.report.summary import Night, Releasing, Summary

_SMALLEST_BIN = 25


def log_loss(summary: Summary) -> str:
    """Return log loss by night, with the nights marked that asked for retraining or changed the champion."""
    figure, axes = canvas.blank()
    nights = [each for each in summary.nights if each.log_loss is not None]
    axes.plot(
        _days(nights),
        np.array([each.log_loss for each in nights], float),
        color=MODEL,
        marker="o",
        markersize=4,
        label="log loss",
    )
    _mark(axes, [each.night for each in summary.retrains], "retraining asked for", ":")
    _mark(axes, [each.night for each in summary.releases if each.approved_by], "new champion", "-")
    return canvas.svg(figure, axes, "log loss (nats)")


def expected_and_seen(matured: pd.DataFrame) -> str:
    """Return each night's mean score beside the share that came true: the gap between them is the calibration gap."""
    figure, axes = canvas.blank()
    means = matured.groupby("night")[["score", "label"]].mean()
    days = pd.to_datetime(means.index)
    axes.plot(days, means["score"], color=MODEL, marker="o", markersize=4, label="expected (mean score)")
    axes.plot(days, means["label"], color=TRUTH, marker="s", markersize=4, label="seen (share of labels)")
    axes.set_ylim(0, 1)
    return canvas.svg(figure, axes, "probability")


def reliability(matured: pd.DataFrame) -> str:
    """Return the reliability diagram of all matured scores, ten bins of equal count."""
    figure, axes = canvas.blank()
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--", label="perfectly calibrated")
    bins = np.array_split(np.argsort(matured["score"].to_numpy()), 10)
    points = [matured.iloc[each][["score", "label"]].mean() for each in bins if len(each) >= _SMALLEST_BIN]
    axes.plot(
        [p["score"] for p in points],
        [p["label"] for p in points],
        color=MODEL,
        marker="o",
        label="a tenth of the rows",
    )
    axes.set_xlabel("score")
    return canvas.svg(figure, axes, "share that came true", dates=False)


def gains(releases: Sequence[Releasing]) -> str:
    """Return every challenger's gain in log loss with its interval: right of zero is better than what it met."""
    figure, axes = canvas.blank(height=1.2 + 0.4 * len(releases))
    for place, each in enumerate(releases):
        colour = MODEL if each.verdict == "promote" else INK
        axes.plot(each.interval, [place, place], color=colour, linewidth=2)
        axes.plot([each.gain], [place], color=colour, marker="o")
    axes.axvline(0, color=MARK, linewidth=0.8)
    axes.set_yticks(range(len(releases)), [f"{each.night} {each.bar}: {each.verdict}" for each in releases])
    axes.set_ylim(-0.6, len(releases) - 0.4)
    axes.invert_yaxis()
    axes.set_xlabel("log loss gain over the champion (nats)")
    return canvas.svg(figure, axes, "", dates=False, legend=False)


def saved(by_night: pd.Series) -> str:
    """Return what acting on the scores saved each night, per 1000 rows, against never acting."""
    figure, axes = canvas.blank()
    days = pd.to_datetime(by_night.index)
    apart = min(np.diff(days).astype("timedelta64[D]").astype(int), default=1)
    axes.bar(days, by_night, color=[MODEL if value >= 0 else MARK for value in by_night], width=0.7 * float(apart))
    axes.axhline(0, color=INK, linewidth=0.8)
    return canvas.svg(figure, axes, "saved per 1000 rows", legend=False)


def _days(nights: Sequence[Night]) -> pd.DatetimeIndex:
    return pd.to_datetime([each.night for each in nights])


def _mark(axes: Axes, nights: Sequence[str], label: str, style: str) -> None:
    low, high = axes.get_xlim()
    days = mpl_dates.date2num(pd.to_datetime(list(nights)))  # type: ignore[no-untyped-call]
    inside = [day for day in days if low <= day <= high]
    for place, day in enumerate(inside):
        axes.axvline(day, color=MARK, linestyle=style, linewidth=1, label=label if place == 0 else None)
