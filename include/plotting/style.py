"""The style of all plots: colors for light and dark pages, and SVG that is reproducible for the same data."""

import io
import math

import matplotlib as mpl
import matplotlib.dates as mpl_dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MODEL, TRUTH, MARK = "#7a8190", "#3b82c4", "#d9822b", "#b0413e"
_MAX_TICKS = 8
_DAYS_A_MONTH = 30.4
mpl.rcParams.update(
    {
        "svg.hashsalt": "ratchet",
        "font.family": "sans-serif",
        "text.color": INK,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
    }
)


def new_figure(height: float = 2.9) -> tuple[Figure, Axes]:
    """Return an empty figure with a transparent background, and its axes."""
    figure, (axes,) = panels(1, height)
    axes.grid(axis="y", color=INK, alpha=0.15)
    return figure, axes


def panels(count: int, height: float, *, shared: bool = True) -> tuple[Figure, list[Axes]]:
    """Return an empty figure with `count` axes side by side; with `shared`, they share the y axis."""
    figure = Figure(figsize=(7.2, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = list(figure.subplots(1, count, squeeze=False, sharey=shared)[0])
    for each in axes:
        each.patch.set_alpha(0)
    return figure, axes


def finish_svg(figure: Figure, axes: Axes, ylabel: str) -> str:
    """Label the figure, add its legend, and return it as SVG text."""
    axes.set_ylabel(ylabel)
    axes.legend(loc="best", fontsize=8)
    return to_svg(figure)


def to_svg(figure: Figure) -> str:
    """Return a figure as SVG text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "<svg" + buffer.getvalue().partition("<svg")[2]


def format_dates(axes: Axes) -> None:
    """Format the x axis with dates: ticks at days, or at months for long ranges."""
    low, high = axes.get_xlim()
    spacing = max(1, round((high - low) / _MAX_TICKS))
    months = math.ceil(spacing / _DAYS_A_MONTH)
    by_day = spacing < _DAYS_A_MONTH / 2
    locator = mpl_dates.DayLocator(interval=spacing) if by_day else mpl_dates.MonthLocator(interval=months)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mpl_dates.DateFormatter("%d %b" if by_day else "%b %Y"))  # type: ignore[no-untyped-call]
