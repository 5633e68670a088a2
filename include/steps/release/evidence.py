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
from ml.rollout.state import Kind


def dossier(use_case: str, night: str) -> str:
    """Return what an approver reads, in Markdown, made anew from the ledger."""
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    challenger = challengers.find(case, when, settings)
    told: Mapping[str, Any] = challenger.payload
    gain, judged, checks = told["gain"], told["judged"], told["checks"]
    rows = _rows(checks)
    champion = str(told["champion"] or "none: this is the first")[:23]
    return "\n".join(
        [
            f"**{case.question}**",
            "",
            f"Package `{challenger.subject}`, trained as of {when} because of *{told['trigger']}*; champion: `{champion}`.",
            "",
            f"Judged on {judged['rows']} rows, {' to '.join(judged['nights'])}, by the **{told['bar']}** bar: "
            f"{targets.of(case).words.loss} gain {gain['value']:+.4f}, interval [{gain['low']:+.4f}, {gain['high']:+.4f}].",
            "",
            f"Chosen because {told['choice']}.",
            "",
            *_overridden(challenger, settings),
            _unpaid(told),
            "",
            f"Trained and judged on {', '.join(f'`{name}` version {n}' for name, n in told['reads'].items())}.",
            "",
            "| check | number | bar | answer |",
            "|---|---|---|---|",
            *rows,
            "",
            *_refit(told),
            *_battery(challenger, settings),
            *_seen(challenger, settings),
            f"Evidence `{challengers.evidence(challenger, settings)}`. Your answer is bound to this package and this evidence.",
        ]
    )


def _rows(checks: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"| {each['name']} | {gate.shown(each['value'])} | {each['bar']} | {each['answer']} |" for each in checks]


def _refit(told: Mapping[str, Any]) -> list[str]:
    """Return the lines on the refit, where the use case declares one."""
    lines = audit.refitted(told.get("refit"))
    return [*lines, ""] if lines else []


def _battery(challenger: Entry, settings: Settings) -> list[str]:
    """Return the lines on how the package did where it was tried as it would be served."""
    reports = batteries.tested(warehouse.engine(settings.warehouse_url), challenger)
    if not reports:
        return ["**The battery has not run on this package.**", ""]
    told: Mapping[str, Any] = reports[-1].payload
    head = ["| battery | number | bar | answer |", "|---|---|---|---|"]
    return [f"Battery: **{told['outcome']}**.", "", *head, *_rows(told["checks"]), ""]


def _seen(challenger: Entry, settings: Settings) -> list[str]:
    """Return the lines on how the package did as a shadow, where it was one."""
    seen = challengers.told(challenger, Kind.SEEN, settings)
    if not seen:
        return []
    told: Mapping[str, Any] = seen[-1].payload
    return [
        f"As a shadow it answered {told['answers']} copies with {told['faults']} faults; its scores differ from the champion's "
        f"by {told['difference']:.4f} on average, and {told['decisions']:.1%} of the decisions would be others.",
        "",
    ]


def _overridden(challenger: Entry, settings: Settings) -> list[str]:
    """Return the paragraph that says by whom the gate was overridden, or nothing."""
    given = override.standing(warehouse.engine(settings.warehouse_url), challenger)
    if given is None:
        return []
    told = f"The gate said *{given['outcome']}*: {challenger.payload['reason']}. {given['who']} overrides it until"
    return [f"**OVERRIDDEN.** {told} {given['until']}: {given['why']}", ""]


def _unpaid(told: Mapping[str, Any]) -> str:
    """Return which features cost and do not pay; verdicts of before this was measured do not say."""
    if "not_shown_to_pay" not in told:
        return "What its features are worth was not measured."
    names = ", ".join(f"`{name}`" for name in told["not_shown_to_pay"])
    return f"Features that cost and are not shown to pay: {names or 'none'}; the model card has each one's numbers."
