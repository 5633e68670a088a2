"""The summary of a demo run as tables in the terminal."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from include.report import played_nights
from include.report.run_summary import Release, Summary
from ml.promotion.gate import Outcome

_VERDICTS = {"promote": "bold green", "keep": "yellow", "inconclusive": "cyan"}


def show(summary: Summary, console: Console) -> None:
    """Print the nights, then every challenger with its verdict and interval."""
    console.print()
    console.print(_nights(summary))
    console.print(_releases(summary))
    for each in summary.retrains:
        if each.outcome == Outcome.INCONCLUSIVE:
            console.print(f"{each.night}, {each.summary}: {each.reason}", highlight=False)
    if summary.live_sentence:
        console.print(summary.live_sentence, highlight=False)
    if summary.gain_sentence:
        console.print(summary.gain_sentence, highlight=False)
    elif (played := played_nights.find(summary.use_case)) is not None:
        console.print(f"No refresh was adopted in these nights. {played.summary}", highlight=False)


def _nights(summary: Summary) -> Table:
    retrains = {each.night: each.summary for each in summary.retrains}
    table = Table(
        title=f"{summary.use_case}: the nights", box=box.SIMPLE_HEAD, title_justify="left", title_style="bold"
    )
    table.add_column("night", no_wrap=True)
    for name in (
        "rows in",
        "valid",
        "quarantined",
        "scored",
        "matured",
        summary.display_names.loss,
        "calibration gap",
        "alerts",
    ):
        table.add_column(name, justify="right")
    table.add_column("retrain?")
    for each in summary.nights:
        table.add_row(
            each.night,
            f"{each.rows_in:,}",
            f"{each.rows_valid:,}",
            Text(f"{each.rows_quarantined:,}", style="red" if each.rows_quarantined else "dim"),
            f"{each.scored:,}",
            f"{each.matured:,}",
            _number(each.loss, ".3f"),
            _number(each.calibration_gap, "+.3f"),
            Text(str(each.alerts), style="yellow" if each.alerts else "dim"),
            Text(retrains.get(each.night, "no"), style="bold" if each.night in retrains else "dim"),
        )
    return table


def _releases(summary: Summary) -> Table:
    table = Table(title="Challengers and verdicts", box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for name in ("night", "version", "digest", "bar", "verdict"):
        table.add_column(name, no_wrap=True)
    table.add_column(f"{summary.display_names.loss} gain [95 % interval]", justify="right")
    table.add_column("approved by")
    for each in summary.releases:
        table.add_row(*_release(each))
    return table


def _release(each: Release) -> tuple[str | Text, ...]:
    low, high = each.interval
    return (
        each.night,
        each.version or "-",
        each.digest[:12],
        each.bar,
        Text(each.verdict, style=_VERDICTS.get(each.verdict, "")),
        f"{each.gain:+.4f} [{low:+.4f}, {high:+.4f}]",
        " and ".join(each.approved_by) or "-",
    )


def _number(value: float | None, form: str) -> Text:
    return Text("not yet", style="dim") if value is None else Text(format(value, form))
