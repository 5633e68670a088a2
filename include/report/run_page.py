"""The report on a demo run as one HTML page without scripts or external resources, for light and dark mode."""

from html import escape
from string import Template

import pandas as pd

from include.plotting.stylesheet import STYLE
from include.report import run_plots
from include.report.run_summary import Night, Release, Summary
from ml.governance.checks import CheckStatus
from ml.targets import Target
from ml.usecase import UseCase

_PAGE = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Ratchet: $title</title>
<style>
"""
    + STYLE
    + """</style></head><body>
<h1>$title</h1><p>$question</p>
<div class="tiles">$tiles</div>
<div class="plots">$figures</div>
<h2>Nights</h2><div class="scroll"><table><thead><tr>$heads</tr></thead><tbody>$nights</tbody></table></div>
<h2>Challengers and verdicts</h2>$releases
<h2>Table versions behind the scores</h2>$table_versions
</body></html>
"""
)
_HEADERS = (
    "night",
    "rows in",
    "valid",
    "quarantined",
    "scored",
    "matured",
    "{loss}",
    "calibration gap",
    "alerts",
    "retrain?",
)


def render(summary: Summary, use_case: UseCase, matured: pd.DataFrame, target: Target | None) -> str:
    """Return the page; `matured` has the columns night, score and label, one row for each matured score.

    `target` is the target of the last champion, None before the first.
    """
    return _PAGE.substitute(
        title=escape(summary.use_case),
        question=escape(use_case.question),
        tiles=_tiles(summary),
        figures=_figures(summary, matured, target),
        heads="".join(f"<th scope='col'>{head.format(loss=summary.display_names.loss)}</th>" for head in _HEADERS),
        nights="".join(_night(each, summary) for each in summary.nights),
        releases="".join(_release(each, summary.use_case) for each in summary.releases)
        or "<p>No challenger was judged.</p>",
        table_versions=_table_versions(summary),
    )


def _tiles(summary: Summary) -> str:
    numbers = {
        "nights": len(summary.nights),
        "rows in": sum(each.rows_in for each in summary.nights),
        "quarantined": sum(each.rows_quarantined for each in summary.nights),
        "scores issued": sum(each.scored for each in summary.nights),
        "retraining requests": len(summary.retrains),
        "champions": sum(bool(each.approved_by) for each in summary.releases),
    }
    return "".join(f"<div><b>{number:,}</b>{name}</div>" for name, number in numbers.items())


def _figures(summary: Summary, matured: pd.DataFrame, target: Target | None) -> str:
    if matured.empty or target is None:
        return "<p>No labels have matured yet; the plots need matured nights.</p>"
    saved_by_night = pd.Series(
        {
            night: target.saved_per_1000(rows["label"].to_numpy(float), rows["score"].to_numpy(float))
            for night, rows in matured.groupby("night")
        }
    )
    drawn = {
        "Quality by night, on matured labels.": run_plots.loss(summary),
        "Mean score and mean label by night.": run_plots.expected_and_observed(matured, target),
        "Reliability of all matured scores.": run_plots.reliability(matured, target),
        f"Savings from acting on the scores, against {summary.display_names.savings_baseline}.": run_plots.saved(
            saved_by_night
        ),
    }
    if summary.releases:
        drawn["Gain of each challenger over the champion, with intervals over nights."] = run_plots.gains(summary)
    return "".join(
        f"<figure role='img' aria-label='{escape(t)}'>{svg}<figcaption>{t}</figcaption></figure>"
        for t, svg in drawn.items()
    )


def _night(each: Night, summary: Summary) -> str:
    trigger = {retrain.night: retrain.trigger for retrain in summary.retrains}.get(each.night)
    cells = (
        each.night,
        f"{each.rows_in:,}",
        f"{each.rows_valid:,}",
        f"<span class='{'bad' if each.rows_quarantined else 'soft'}'>{each.rows_quarantined:,}</span>",
        f"{each.scored:,}",
        f"{each.matured:,}",
        _number(each.loss, ".3f"),
        _number(each.calibration_gap, "+.3f"),
        str(each.alerts),
        f"<a href='{summary.use_case}/{each.night}/drift.html'>{escape(trigger.replace('_', ' '))}</a>"
        if trigger
        else "<span class='soft'>no</span>",
    )
    return _row(*cells)


def _release(each: Release, use_case: str) -> str:
    low, high = each.interval
    approved = f"approved by {' and '.join(each.approved_by)}" if each.approved_by else "not released"
    checks = "".join(
        f"<tr><td>{escape(check.name)}</td><td>{_number(check.value, '.4f')}</td><td>{escape(check.bar)}</td>"
        f"<td class='{'' if check.status is CheckStatus.PASS else 'bad'}'>{check.status}</td></tr>"
        for check in each.checks
    )
    return (
        f"<details><summary>{each.night} <code>{each.digest[:12]}</code> ({each.bar}) "
        f"<span class='{each.verdict}'>{each.verdict}</span>, gain {each.gain:+.4f} [{low:+.4f}, {high:+.4f}], {approved}</summary>"
        f"<p>{escape(each.choice)}.</p><p>{escape(each.reason)}.</p>{_unprofitable_features(each, use_case)}{_pictures(each, use_case)}<div class='scroll'><table class='words'><thead><tr><th>check</th>"
        f"<th>number</th><th>bar</th><th>result</th></tr></thead><tbody>{checks}</tbody></table></div></details>"
    )


def _unprofitable_features(each: Release, use_case: str) -> str:
    if each.unprofitable_features is None:
        return ""
    names = ", ".join(f"<code>{escape(name)}</code>" for name in each.unprofitable_features) or "none"
    card = f"<a href='{escape(use_case)}/{each.night}/model_card.html'>model card</a>"
    return f"<p>Features with a cost and no proven benefit: {names}. The {card} has the numbers of each.</p>"


def _pictures(each: Release, use_case: str) -> str:
    if not each.pictures:
        return ""
    links = ", ".join(
        f"<a href='{escape(use_case)}/{each.night}/{escape(name)}.svg'>{escape(name)}</a>" for name in each.pictures
    )
    return f"<p>Plots of the judged rows: {links}.</p>"


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _table_versions(summary: Summary) -> str:
    if not summary.table_versions:
        return "<p>No scores were issued.</p>"
    tables = sorted({table for versions in summary.table_versions.values() for table in versions})
    headers = "".join(f"<th scope='col'>{escape(table)}</th>" for table in ("night", *tables))
    rows = "".join(
        _row(night, *(str(versions.get(table, "")) for table in tables))
        for night, versions in summary.table_versions.items()
    )
    return (
        "<p>All these versions can still be read; list those of one night with <code>ratchet data as-of "
        f"{escape(summary.use_case)} {next(iter(summary.table_versions))}</code>.</p>"
        f"<div class='scroll'><table><thead><tr>{headers}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _number(value: float | None, form: str) -> str:
    return "<span class='soft'>not yet</span>" if value is None else format(value, form)
