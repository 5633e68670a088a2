"""The model card: a page of Markdown on a model's purpose, data, candidates, verdict, and features.

A card without measured times is part of the model's package, so its text enters the package's digest.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ml import targets
from ml.evaluation.diagnostics import Diagnostics
from ml.evaluation.permutation_importance import FeatureImportance
from ml.features.lineage import FeatureLineage
from ml.governance.privacy import MASKED
from ml.model_card import candidate_section
from ml.model_card import sections as card_sections
from ml.model_card.markdown import signed_interval as _interval
from ml.model_card.markdown import table as _table
from ml.promotion.gate import PromotionVerdict
from ml.promotion.refit_equivalence import RefitComparison
from ml.training.selection import CandidateResult, Choice
from ml.usecase import UseCase


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureReport:
    """The importance, lineage and cost of one declared feature; None if not measured, or not allowed in reports.

    `null_share` is the share of missing values in the training rows. `build_ms` is the duration of the last build, of
    `rows_built` rows.
    """

    importance: FeatureImportance
    lineage: FeatureLineage
    build_ms: float | None
    rows_built: int | None
    null_share: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """The contents of a card.

    `personal_columns` has the destinations that each personal column ("table.column") may reach. `dependency_changes`
    has a sentence for each dependency that differs from the champion's.
    """

    use_case: UseCase
    night: str
    package: str
    training_span: tuple[str, str]
    judged_span: tuple[str, str]
    table_versions: Mapping[str, int]
    contenders: Sequence[CandidateResult]
    choice: Choice
    verdict: PromotionVerdict
    personal_columns: Mapping[str, frozenset[str]]
    features: Sequence[FeatureReport]
    diagnostics: Diagnostics | None = None
    refit: RefitComparison | None = None
    dependency_changes: Sequence[str] = ()


def render(card: ModelCard, *, with_timings: bool = True) -> str:
    """Return the card as Markdown; it has names of columns and aggregates over many rows, no values of single rows.

    Without `with_timings`, it has no measured times, no package digest and no comparison with the champion's
    dependencies. Such a card is part of the package.
    """
    if not with_timings:
        card = replace(
            card, package="", dependency_changes=(), features=[replace(each, build_ms=None) for each in card.features]
        )
    sections = {
        "Purpose": [card.use_case.question, *targets.target_type(card.use_case).describe_task(card.use_case)],
        "Data and provenance": _provenance_lines(card),
        "Candidates": candidate_section.candidate_lines(
            card.contenders,
            card.choice,
            targets.target_type(card.use_case).display_names.loss,
            with_timings=with_timings,
        ),
        "Verdict": verdict_lines(card.verdict),
        **({"Refit": card_sections.refit_section(card.refit)} if card.refit else {}),
        **(card_sections.build(card.diagnostics, card.use_case) if card.diagnostics else {}),
        "Excluded columns": [*_excluded_lines(card.use_case)] or ["None declared."],
        "Personal columns": [*_personal_lines(card)] or ["None declared."],
        "Features": _feature_lines(card),
        "Features without a shown benefit": _unjustified_lines(
            card.features, targets.target_type(card.use_case).display_names.loss
        ),
    }
    title = f"# {card.use_case.name}, as of {card.night}"
    return "\n\n".join([title, *("\n".join([f"## {name}", "", *lines]) for name, lines in sections.items())]) + "\n"


def features_csv(features: Iterable[FeatureReport]) -> str:
    """Return the features as CSV, with unrounded numbers; columns are joined by spaces, sources by semicolons."""
    header = (
        "feature,columns,within,within_low,within_high,across,across_low,across_high,pays,milliseconds,null_share,needs"
    )
    return "\n".join([header, *map(_csv_row, features)]) + "\n"


def _csv_row(feature: FeatureReport) -> str:
    importance, numbers = feature.importance, (feature.build_ms, feature.null_share)
    importance_values = [
        each
        for interval in (importance.within_nights, importance.across_nights)
        for each in (interval.value, interval.low, interval.high)
    ]
    number_texts = ["" if each is None else repr(each) for each in numbers]
    texts = (
        importance.feature,
        " ".join(importance.columns),
        *map(repr, importance_values),
        str(importance.is_useful).lower(),
        *number_texts,
    )
    return ",".join([*texts, f'"{feature.lineage}"'])


def _provenance_lines(card: ModelCard) -> list[str]:
    return [
        f"* Package `{card.package}`, owned by {card.use_case.owner}"
        if card.package
        else f"* Owned by {card.use_case.owner}",
        f"* Trained on the nights {' to '.join(card.training_span)}, judged on {' to '.join(card.judged_span)}",
        *(f"* `{table}` at version {version}" for table, version in card.table_versions.items()),
        *dependency_lines(card.dependency_changes),
    ]


def dependency_lines(changes: Iterable[str]) -> list[str]:
    """Return a line for each dependency that differs from the champion's.

    >>> dependency_lines(["lightgbm was 4.6, is 4.7"])
    ['* Unlike its champion: lightgbm was 4.6, is 4.7']
    """
    return [f"* Unlike its champion: {each}" for each in changes]


def verdict_lines(gate_verdict: PromotionVerdict) -> list[str]:
    """Return the line on the gate's verdict, gain and reason."""
    return [
        f"**{gate_verdict.outcome}**, by the {gate_verdict.rule} bar, on {gate_verdict.rows:,} rows of "
        f"{gate_verdict.nights} nights: {gate_verdict.display_names.loss} gain {_interval(gate_verdict.gain)}. "
        f"{gate_verdict.reason[0].upper()}{gate_verdict.reason[1:]}."
    ]


def _excluded_lines(use_case: UseCase) -> Iterator[str]:
    for column in use_case.excluded:
        yield f"* `{column.column}`: {column.why}"
    for each in use_case.deterministic_levels:
        levels = ", ".join(f"`{level}`" for level in each.levels)
        yield f"* Kept, although it determines the label by definition: `{each.feature}` at {levels}: {each.why}"


def _personal_lines(card: ModelCard) -> Iterator[str]:
    for name, locations in card.personal_columns.items():
        yield f"* `{name}` may reach {' and '.join(sorted(locations)) or 'no destination'}"


def _feature_lines(card: ModelCard) -> list[str]:
    headers = ("feature", "within nights", "across nights", "benefit shown", "build, ms", "missing", "depends on")
    rows = [
        (
            f"`{each.importance.feature}`",
            _interval(each.importance.within_nights),
            _interval(each.importance.across_nights),
            "yes" if each.importance.is_useful else "no",
            _build_ms_text(each),
            _null_share_text(each),
            str(each.lineage),
        )
        for each in card.features
    ]
    confidence, names = f"{card.use_case.gates.confidence:.0%}", targets.target_type(card.use_case).display_names
    return [
        *_table(headers, rows),
        "",
        f"Permutation importance: the rise in {names.loss} ({names.loss_unit}) on later nights when all columns of a "
        "feature are permuted together, among the rows of each night, and among all rows of a fold. The two intervals "
        f"of a feature hold simultaneously at {confidence}, over nights. Correlated features can replace each other, so "
        "each may seem to have little benefit: leave out one at a time, and train again. The build time is that of one "
        "build; computations that several features share count for the first of them.",
    ]


def _unjustified_lines(features: Sequence[FeatureReport], loss: str) -> list[str]:
    unjustified = [each for each in features if not each.importance.is_useful]
    by_build_ms = sorted(unjustified, key=lambda each: -(each.build_ms or 0.0))
    if not unjustified:
        return ["None: every feature has a shown benefit."]
    return [
        f"{len(unjustified)} of {len(features)} features have no shown benefit, the most expensive first:",
        "",
        *(
            f"* `{each.importance.feature}` takes {_build_ms_text(each)} ms to build{_rows_built_text(each)} and needs "
            f"{each.lineage}; permuted, {loss} changes by {_interval(each.importance.within_nights)} within nights and "
            f"{_interval(each.importance.across_nights)} across nights"
            for each in by_build_ms
        ),
    ]


def _build_ms_text(feature: FeatureReport) -> str:
    return "unmeasured" if feature.build_ms is None else f"{feature.build_ms:.1f}"


def _rows_built_text(feature: FeatureReport) -> str:
    return "" if feature.rows_built is None else f" for {feature.rows_built:,} rows"


def _null_share_text(feature: FeatureReport) -> str:
    return MASKED if feature.null_share is None else f"{feature.null_share:.1%}"
