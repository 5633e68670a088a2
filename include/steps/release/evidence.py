"""What an approver reads: a challenger's evidence, made anew from the ledger."""

from collections.abc import Iterable, Mapping
from typing import Any

from include import usecases
from include.settings import Settings, load_settings
from include.steps.release import acceptance_tests as batteries
from include.steps.release import challengers, override
from include.stores import warehouse
from ml import periods, targets
from ml.governance.hash_chain import Entry
from ml.model_card import audit
from ml.promotion import gate
from ml.rollout.state import ReleaseEvent


def render_evidence(use_case: str, night: str) -> str:
    """Return what an approver reads, in Markdown, made anew from the ledger."""
    case, night_date, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    challenger = challengers.find(case, night_date, settings)
    payload: Mapping[str, Any] = challenger.payload
    gain, judged, checks = payload["gain"], payload["judged"], payload["checks"]
    rows = _check_rows(checks)
    champion = str(payload["champion"] or "none: this is the first")[:23]
    return "\n".join(
        [
            f"**{case.question}**",
            "",
            f"Package `{challenger.subject}`, trained as of {night_date} because of *{payload['trigger']}*; champion: `{champion}`.",
            "",
            f"Judged on {judged['rows']} rows, {' to '.join(judged['nights'])}, by the **{payload['bar']}** bar: "
            f"{targets.target_type(case).display_names.loss} gain {gain['value']:+.4f}, interval [{gain['low']:+.4f}, {gain['high']:+.4f}].",
            "",
            f"Chosen because {payload['choice']}.",
            "",
            *_override_lines(challenger, settings),
            _features_without_benefit(payload),
            "",
            f"Trained and judged on {', '.join(f'`{name}` version {n}' for name, n in payload['reads'].items())}.",
            "",
            "| check | number | bar | answer |",
            "|---|---|---|---|",
            *rows,
            "",
            *_refit_lines(payload),
            *_acceptance_lines(challenger, settings),
            *_shadow_lines(challenger, settings),
            f"Evidence `{challengers.evidence_digest(challenger, settings)}`. Your answer is bound to this package and this evidence.",
        ]
    )


def _check_rows(checks: Iterable[Mapping[str, Any]]) -> list[str]:
    return [
        f"| {each['name']} | {gate.format_number(each['value'])} | {each['bar']} | {each['status']} |"
        for each in checks
    ]


def _refit_lines(payload: Mapping[str, Any]) -> list[str]:
    """Return the lines on the refit, where the use case declares one."""
    lines = audit.refit_lines(payload.get("refit"))
    return [*lines, ""] if lines else []


def _acceptance_lines(challenger: Entry, settings: Settings) -> list[str]:
    """Return the lines on how the package did where it was tried as it would be served."""
    reports = batteries.find_reports(warehouse.engine(settings.warehouse_url), challenger)
    if not reports:
        return ["**The battery has not run on this package.**", ""]
    payload: Mapping[str, Any] = reports[-1].payload
    head = ["| battery | number | bar | answer |", "|---|---|---|---|"]
    return [f"Battery: **{payload['outcome']}**.", "", *head, *_check_rows(payload["checks"]), ""]


def _shadow_lines(challenger: Entry, settings: Settings) -> list[str]:
    """Return the lines on how the package did as a shadow, where it was one."""
    reviews = challengers.find_entries(challenger, ReleaseEvent.SHADOW_REVIEWED, settings)
    if not reviews:
        return []
    payload: Mapping[str, Any] = reviews[-1].payload
    return [
        f"As a shadow it answered {payload['answers']} copies with {payload['faults']} faults; its scores differ from the champion's "
        f"by {payload['difference']:.4f} on average, and {payload['decisions']:.1%} of the decisions would be others.",
        "",
    ]


def _override_lines(challenger: Entry, settings: Settings) -> list[str]:
    """Return the paragraph that says by whom the gate was overridden, or nothing."""
    active = override.active(warehouse.engine(settings.warehouse_url), challenger)
    if active is None:
        return []
    sentence = (
        f"The gate said *{active['outcome']}*: {challenger.payload['reason']}. {active['who']} overrides it until"
    )
    return [f"**OVERRIDDEN.** {sentence} {active['until']}: {active['why']}", ""]


def _features_without_benefit(payload: Mapping[str, Any]) -> str:
    """Return which features cost and do not pay; verdicts of before this was measured do not say."""
    if "not_shown_to_pay" not in payload:
        return "What its features are worth was not measured."
    names = ", ".join(f"`{name}`" for name in payload["not_shown_to_pay"])
    return f"Features that cost and are not shown to pay: {names or 'none'}; the model card has each one's numbers."
