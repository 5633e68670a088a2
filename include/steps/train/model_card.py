"""The model card of a training: collect its content, write it, and verify it against the records."""

from collections.abc import Mapping
from datetime import date

from include.plotting import card_html as page
from include.settings import Settings
from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.features import build_costs
from include.steps.features.training_set import LabelledRows
from include.steps.train import attempts
from include.stores import registry, report_paths
from include.usecases import coherence
from ml.errors import CardError, RequestError
from ml.evaluation.permutation_importance import FeatureImportance
from ml.features import lineage
from ml.governance import ledger_entries, privacy
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import Verdict
from ml.model_card import audit, card
from ml.model_card.card import FeatureReport, ModelCard
from ml.scoring import manifest
from ml.usecase import Feature, UseCase
from ml.usecase.features import title

MARKDOWN, HTML = "model_card.md", "model_card.html"


def lines(
    context: NightContext, importances: tuple[FeatureImportance, ...], training_rows: LabelledRows
) -> tuple[FeatureReport, ...]:
    """Return each feature's importance and costs; the null share only if privacy rules allow the feature in reports."""
    needs = coherence.function_parameters(context.case)
    declared: Mapping[str, Feature] = {title(each): each for each in context.case.model_features}
    built = build_costs.build_milliseconds(
        context.engine, context.case, feature_step.table(context.case.horizon), context.night
    )
    reported = set(privacy.features_allowed_in(context.case, context.case.feature_names, needs, "reports"))
    card_lines = []
    for each in importances:
        cost = built.get(each.feature)
        hidden = not reported.issuperset(each.columns)
        card_lines.append(
            FeatureReport(
                importance=each,
                lineage=lineage.trace(declared[each.feature], context.case, needs),
                build_ms=cost.value if cost else None,
                rows_built=cost.n if cost else None,
                null_share=None if hidden else float(training_rows.frame[list(each.columns)].isna().to_numpy().mean()),
            )
        )
    return tuple(card_lines)


def personal_columns(case: UseCase) -> dict[str, frozenset[str]]:
    """Return the destinations that each personal column of each table may reach."""
    needs = coherence.function_parameters(case)
    return {
        f"{table.name}.{name}": frozenset(destinations)
        for table in case.tables
        for name, destinations in privacy.personal_columns(table, needs).items()
    }


def write(content: ModelCard, settings: Settings) -> dict[str, bytes]:
    """Write the card to the reports folder, and return it and its feature table as files."""
    text = card.render(content)
    html = page.render(_title(content.use_case.name, content.night), text)
    path = report_paths.model_card(settings.reports, content.use_case.name, date.fromisoformat(content.night))
    report_paths.write_model_card(path, text.encode(), html.encode())
    return {MARKDOWN: text.encode(), HTML: html.encode(), "features.csv": card.features_csv(content.features).encode()}


def check(use_case: str, night: str) -> None:
    """Raise CardError unless the card of `night`, as a page and in the registry, agrees with the training's records.

    Raises RequestError when the night has no card.
    """
    context = NightContext.load_night(use_case, night)
    verdicts = attempts.verdicts(context)
    if not verdicts or ledger_entries.read(verdicts[-1], Verdict).model_card is None:
        raise RequestError(
            f"{context.case.name} was not trained as of {context.night}, or that training wrote no card: there is "
            "nothing to check"
        )
    if faults := _faults(context, verdicts[-1]):
        raise CardError(
            f"the model card of {context.case.name} as of {context.night} is not what was recorded: {'. '.join(faults)}"
        )


def _faults(context: StepContext, entry: Entry) -> list[str]:
    verdict = ledger_entries.read(entry, Verdict)
    markdown_path = report_paths.model_card(context.settings.reports, context.case.name, entry.night or date.min)
    page_text, html = (
        path.read_text() if path.exists() else "" for path in (markdown_path, markdown_path.with_suffix(".html"))
    )
    registered = registry.read_run_file(context.settings, context.case.name, str(verdict.version), MARKDOWN).decode()
    faults = [f"{MARKDOWN}: {each}" for each in _differences(page_text, registered, verdict, context.case)]
    faults += [
        f"the registry's {MARKDOWN}: {each}" for each in _differences(registered, page_text, verdict, context.case)
    ]
    if not faults and html != page.render(_title(context.case.name, str(entry.night)), page_text):
        faults.append(f"{HTML}: its text differs from {MARKDOWN}")
    return faults


def _differences(text: str, other: str, verdict: Verdict, case: UseCase) -> tuple[str, ...]:
    """Return the errors of a copy of the card: against the ledger, else against `other`, if that copy is intact."""
    faults = audit.mismatches(text, audit.expected_lines(verdict, case))
    if faults or _sha256(text) == verdict.model_card:
        return faults
    if _sha256(other) == verdict.model_card:
        return audit.mismatches(text, other.splitlines()) or ("has lines that were added",)
    return (f"expected SHA-256 {verdict.model_card}, got {_sha256(text)}",)


def _sha256(text: str) -> str:
    return manifest.sha256(text.encode())


def _title(use_case: str, night: str) -> str:
    return f"{use_case}, {night}"
