"""Explain a stored score: its package, and the value, the lineage and the contribution of each feature."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from include.steps import scoring_package
from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.stores import warehouse
from include.usecases import coherence
from ml.errors import LedgerError, RequestError
from ml.evaluation import explain as explaining
from ml.evaluation.explain import Explanation
from ml.features import lineage
from ml.governance import privacy
from ml.targets import Target
from ml.usecase import UseCase

_TOLERANCE = 1e-9


def explain(use_case: str, night: str, entity: str) -> str:
    """Return the explanation of the score of `entity` on `night`, in Markdown, recomputed from the stored features.

    Raises RequestError when there is no such score, and LedgerError when the package computes another one.
    """
    context = NightContext.load_night(use_case, night)
    scores = warehouse.scores(context.engine, context.case.name, context.night)
    matches = scores[scores["entity"] == entity]
    if matches.empty:
        raise RequestError(
            f"{context.case.name} has no score for {entity!r} on {context.night}; that night has {len(scores)} scores: "
            "check the name of the entity"
        )
    return "\n\n".join(_explain_score(context, str(context.night), each) for each in matches.to_dict("records"))


def _explain_score(context: StepContext, night: str, stored_score: Mapping[Any, Any]) -> str:
    digest, version = str(stored_score["model_digest"]), int(str(stored_score["features_version"]))
    package = scoring_package.load(digest, context.settings)
    rows = feature_step.read(context.settings.lake, context.case, night, night, at_version=version)
    row = _row(rows, str(stored_score["entity"]))
    explanation = explaining.explain(package.model, row)
    target = package.target(context.case)
    if abs(explanation.score - float(str(stored_score["score"]))) > _TOLERANCE:
        raise LedgerError(
            f"the score {stored_score['score']} of {stored_score['entity']!r} was not made by package {digest[:12]} "
            f"from version {version} of the features, which give {explanation.score}: find out who wrote to the "
            "warehouse"
        )
    return "\n".join(
        [
            f"**{stored_score['entity']}**, {night}: {explanation.score:.6f}, by package `{digest}` from version "
            f"{version} of the features.",
            "",
            *_table(context.case, row, explanation, target),
            "",
            *_summary(explanation, target),
        ]
    )


def _row(rows: pd.DataFrame, entity: str) -> dict[str, object]:
    values = rows[rows["entity"] == entity].astype(object).iloc[0]
    return {str(name): None if pd.isna(value) else value for name, value in values.items()}


def _table(case: UseCase, row: dict[str, object], explanation: Explanation, target: Target) -> list[str]:
    """Return the table of contributions, largest first; values only of features that are allowed in logs."""
    needs = coherence.function_parameters(case)
    loggable = set(privacy.features_allowed_in(case, case.feature_names, needs, "logs"))
    sources = {name: str(lineage.trace(each, case, needs)) for each in case.model_features for name in each.outputs}
    names = sorted(
        (name for name in case.feature_names if name in row),
        key=lambda name: -abs(explanation.contributions.get(name, 0.0)),
    )
    return [
        f"| feature | value | contribution to the {target.display_names.raw} | lineage |",
        "|---|---|---|---|",
        *(
            f"| {name} | {_value(row[name]) if name in loggable else privacy.MASKED} | "
            f"{_contribution(explanation, name)} | {sources[name]} |"
            for name in names
        ),
    ]


def _value(value: object) -> str:
    if isinstance(value, float):
        return "missing" if math.isnan(value) else f"{value:g}"
    return "missing" if value is None else str(value)


def _contribution(explanation: Explanation, name: str) -> str:
    return f"{explanation.contributions[name]:+.4f}" if name in explanation.contributions else "–"


def _summary(explanation: Explanation, target: Target) -> list[str]:
    composition = (
        explanation.unavailable_reason
        or f"{explanation.base_value:+.4f} base value, {sum(explanation.contributions.values()):+.4f} from the features"
    )
    return [
        f"{target.display_names.raw.capitalize()} {explanation.raw:+.4f}: {composition}.",
        *target.explain_decision(explanation.slope, explanation.offset, explanation.score),
    ]
