"""The model card of a training: what it needs, gathered; the card, written; and its numbers, held against the records."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from include import usecases
from include.plotting import card_html as page
from include.settings import Settings, load_settings
from include.steps.features import build as feature_step
from include.steps.features import build_costs
from include.steps.features.training_set import Labelled
from include.steps.train import attempts
from include.stores import registry, report_paths, warehouse
from include.usecases import coherence
from ml import periods
from ml.errors import CardError, RequestError
from ml.evaluation.permutation_importance import Worth
from ml.features import lineage
from ml.governance import manifest, privacy
from ml.governance.hash_chain import Entry
from ml.model_card import audit, card
from ml.model_card.card import Card, Line
from ml.usecase import Feature, UseCase
from ml.usecase.features import title

MARKDOWN, HTML = "model_card.md", "model_card.html"


def lines(case: UseCase, night: date, worths: tuple[Worth, ...], learned: Labelled, settings: Settings) -> tuple[Line, ...]:
    """Return each feature's worth beside its costs; a null share only where a report may tell of the feature."""
    needs = coherence.needs(case)
    declared: Mapping[str, Feature] = {title(each): each for each in case.features}
    built = build_costs.milliseconds(warehouse.engine(settings.warehouse_url), case, feature_step.TABLE, night)
    reported = set(privacy.telling(case, case.feature_names, needs, "reports"))
    told = []
    for each in worths:
        took = built.get(each.feature)
        hidden = not reported.issuperset(each.columns)
        told.append(
            Line(
                worth=each,
                needs=lineage.of(declared[each.feature], case, needs),
                milliseconds=took.value if took else None,
                rows_built=took.n if took else None,
                null_share=None if hidden else float(learned.frame[list(each.columns)].isna().to_numpy().mean()),
            )
        )
    return tuple(told)


def personal(case: UseCase) -> dict[str, frozenset[str]]:
    """Return the places that each personal column of each table may reach."""
    needs = coherence.needs(case)
    return {
        f"{table.name}.{name}": frozenset(places)
        for table in case.tables
        for name, places in privacy.personal(table, needs).items()
    }


def write(told: Card, settings: Settings) -> dict[str, bytes]:
    """Write the card beside the reports, and return it and its table of features as files."""
    text = card.write(told)
    html = page.render(_title(told.use_case.name, told.night), text)
    place = report_paths.card(settings.reports, told.use_case.name, date.fromisoformat(told.night))
    report_paths.write_card(place, text.encode(), html.encode())
    return {MARKDOWN: text.encode(), HTML: html.encode(), "features.csv": card.csv(told.lines).encode()}


def check(use_case: str, night: str) -> None:
    """Raise CardError unless the card of `night`, as a page and in the registry, says what was recorded of its training."""
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    judged = attempts.judged(case, when, settings)
    if not judged or MARKDOWN not in judged[-1].payload:
        raise RequestError(f"{case.name} was not trained as of {when}, or told no card then: there is nothing to check")
    if faults := _faults(case, judged[-1], settings):
        raise CardError(f"the model card of {case.name} as of {when} is not what was recorded: {'. '.join(faults)}")


def _faults(case: UseCase, judged: Entry, settings: Settings) -> list[str]:
    payload: Mapping[str, Any] = judged.payload
    place = report_paths.card(settings.reports, case.name, judged.night or date.min)
    shown, html = (path.read_text() if path.exists() else "" for path in (place, place.with_suffix(".html")))
    kept = registry.file(settings, case.name, str(payload["version"]), MARKDOWN).decode()
    found = [f"{MARKDOWN}: {each}" for each in _differing(shown, kept, payload, case)]
    found += [f"the registry's {MARKDOWN}: {each}" for each in _differing(kept, shown, payload, case)]
    if not found and html != page.render(_title(case.name, str(judged.night)), shown):
        found.append(f"{HTML}: its words are not those of {MARKDOWN}")
    return found


def _differing(text: str, other: str, payload: Mapping[str, Any], case: UseCase) -> tuple[str, ...]:
    """Return what a copy of the card says wrongly; what the ledger has no number for is held against a whole `other`."""
    wrong = audit.faults(text, audit.recorded(payload, case))
    if wrong or _sha256(text) == payload[MARKDOWN]:
        return wrong
    if _sha256(other) == payload[MARKDOWN]:
        return audit.faults(text, other.splitlines()) or ("has lines that were added",)
    return (f"expected SHA-256 {payload[MARKDOWN]}, got {_sha256(text)}",)


def _sha256(text: str) -> str:
    return manifest.sha256(text.encode())


def _title(use_case: str, night: str) -> str:
    return f"{use_case}, {night}"
