"""A stored score taken apart: its package, each feature's value and where it came from, and what it added."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from include import usecases
from include.settings import Settings, load_settings
from include.steps.features import build as feature_step
from include.steps.score import batch_prediction
from include.stores import packages, warehouse
from include.usecases import coherence
from ml import periods, targets
from ml.errors import LedgerError, RequestError
from ml.evaluation import explain as explaining
from ml.evaluation.explain import Explanation
from ml.features import lineage
from ml.governance import privacy
from ml.packaging import package_files
from ml.targets import Target
from ml.usecase import UseCase

_TOLERANCE = 1e-9


def explain(use_case: str, night: str, entity: str) -> str:
    """Return why `entity` got its score of `night`, in Markdown, computed anew from what was stored.

    Raises RequestError when there is no such score, LedgerError when the package makes another number of those features.
    """
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    issued = warehouse.scores(warehouse.engine(settings.warehouse_url), case.name, when)
    found = issued[issued["entity"] == entity]
    if found.empty:
        raise RequestError(
            f"{case.name} issued no score for {entity!r} on {when}; of that night it has {len(issued)} scores"
        )
    return "\n\n".join(_told(case, str(when), each, settings) for each in found.to_dict("records"))


def _told(case: UseCase, night: str, issued: Mapping[Any, Any], settings: Settings) -> str:
    digest, version = str(issued["model_digest"]), int(str(issued["features_version"]))
    model = batch_prediction.model(digest, settings)
    rows = feature_step.read(settings.lake, case, night, night, at_version=version)
    row = _row(rows, str(issued["entity"]))
    why = explaining.explain(model, row)
    target = targets.told(case, package_files.facts(packages.get(settings.packages, digest, settings.trusted_keys)))
    if abs(why.score - float(str(issued["score"]))) > _TOLERANCE:
        raise LedgerError(
            f"the score {issued['score']} of {issued['entity']!r} was not made by package {digest[:12]} from version "
            f"{version} of the features: these give {why.score}. Find out who wrote to the warehouse"
        )
    return "\n".join(
        [
            f"**{issued['entity']}**, {night}: {why.score:.6f}, by package `{digest}` from version {version} of the features.",
            "",
            *_table(case, row, why, target),
            "",
            *_sum(why, target),
        ]
    )


def _row(rows: pd.DataFrame, entity: str) -> dict[str, object]:
    found = rows[rows["entity"] == entity].astype(object).iloc[0]
    return {str(name): None if pd.isna(value) else value for name, value in found.items()}


def _table(case: UseCase, row: dict[str, object], why: Explanation, target: Target) -> list[str]:
    """Return each feature's part, the largest first; of values only those that a log may tell."""
    needs = coherence.needs(case)
    tellable = set(privacy.telling(case, case.feature_names, needs, "logs"))
    sources = {name: str(lineage.of(each, case, needs)) for each in case.features for name in each.outputs}
    names = sorted(
        (name for name in case.feature_names if name in row), key=lambda name: -abs(why.parts.get(name, 0.0))
    )
    return [
        f"| feature | value | adds to the {target.words.raw} | made of |",
        "|---|---|---|---|",
        *(
            f"| {name} | {_value(row[name]) if name in tellable else privacy.HIDDEN} | {_part(why, name)} | "
            f"{sources[name]} |"
            for name in names
        ),
    ]


def _value(value: object) -> str:
    if isinstance(value, float):
        return "missing" if math.isnan(value) else f"{value:g}"
    return "missing" if value is None else str(value)


def _part(why: Explanation, name: str) -> str:
    return f"{why.parts[name]:+.4f}" if name in why.parts else "–"


def _sum(why: Explanation, target: Target) -> list[str]:
    made = why.why_not or f"{why.base:+.4f} without any feature, {sum(why.parts.values()):+.4f} by them"
    return [
        f"{target.words.raw.capitalize()} {why.raw:+.4f}: {made}.",
        *target.decided(why.slope, why.offset, why.score),
    ]
