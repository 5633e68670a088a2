"""The diagnostics of a training: measured on the frozen rows, plotted, and stored for card, run and ledger."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from include import usecases
from include.steps.context import NightContext
from include.steps.features.training_set import LabelledRows
from include.stores import report_paths
from include.stores.table_snapshot import TableSnapshot
from include.usecases import coherence
from ml import features
from ml.arrays import Booleans, Strings
from ml.evaluation import diagnostics
from ml.evaluation.diagnostics import Diagnostics
from ml.governance import privacy
from ml.model_card import sections
from ml.promotion.gate import HoldoutScores
from ml.statistics.intervals import ScoredRows
from ml.targets import Target
from ml.training.fitting import FittedCandidate
from ml.usecase import UseCase


def measure(
    case: UseCase,
    target: Target,
    best: FittedCandidate,
    training_rows: LabelledRows,
    evaluation_rows: LabelledRows,
    frozen: HoldoutScores,
    tables: TableSnapshot,
) -> Diagnostics:
    """Return the diagnostics of the chosen model on the frozen rows; weak slices are searched on out-of-fold rows."""
    out_of_fold = training_rows.select(best.out_of_fold)
    texts = {each.column for each in case.texts}
    reportable = privacy.features_allowed_in(case, case.feature_names, coherence.function_parameters(case), "reports")
    columns = [name for name in reportable if name not in texts]
    earlier = ScoredRows(
        frame=out_of_fold.frame[columns], labels=out_of_fold.labels, scores=best.scores, nights=out_of_fold.nights
    )
    later = ScoredRows(
        frame=evaluation_rows.frame[columns], labels=frozen.labels, scores=frozen.challenger, nights=frozen.nights
    )
    return diagnostics.measure(
        case,
        target,
        earlier,
        later,
        edge_cases={each: condition_mask(case, each.condition, evaluation_rows.frame) for each in case.edge_cases},
        slices=frozen.slices,
        levels=group_levels(case, evaluation_rows, tables),
        included=condition_mask(case, case.fairness.population if case.fairness else "", evaluation_rows.frame),
    )


def ledger_payload(result: Diagnostics) -> dict[str, Any]:
    """Return the part of the diagnostics that the ledger stores: segments, groups and weak slices, but no curves."""
    kept = replace(result, fairness_checks=(), reliability_bins=())
    return {name: [asdict(each) for each in getattr(kept, name)] for name in ("segments", "groups")} | {
        "weak_slices": asdict(result.slice_search)
    }


def artifacts(result: Diagnostics, target: Target, context: NightContext) -> dict[str, bytes]:
    """Write the plots next to the model card, and return plots and numbers as files."""
    from include.plotting import training_plots  # the import takes a second, which only a training should pay

    plots = {
        f"{name}.svg": svg.encode()
        for name, svg in training_plots.draw(result, sections.pictures(result), target).items()
    }
    for name, content in plots.items():
        report_paths.write_figure(
            report_paths.model_card(context.settings.reports, context.case.name, context.night), name, content
        )
    return plots | {"diagnostics.json": (json.dumps(ledger_payload(result), indent=1) + "\n").encode()}


def condition_mask(case: UseCase, condition: str, frame: pd.DataFrame) -> Booleans:
    """Return a mask of the rows where a feature or function is not 0; all rows for "". Missing values count as 0."""
    if not condition:
        return np.ones(len(frame), bool)
    if condition in case.feature_names:
        column = frame[condition]
    else:
        with usecases.translate_errors(case.name):
            column = features.call(coherence.functions(case)[condition], frame)
    mask: Booleans = np.nan_to_num(column.to_numpy(np.float64)) != 0
    return mask


def group_levels(case: UseCase, evaluation_rows: LabelledRows, tables: TableSnapshot) -> Mapping[str, Strings]:
    """Return the group of each row as text, for every column of the declared fairness, whether a feature or not."""
    columns = case.fairness.group_by if case.fairness else ()
    entity_columns = [name for name in columns if name not in evaluation_rows.frame]
    frame = evaluation_rows.frame
    if entity_columns:
        first, last = str(evaluation_rows.nights.min()), str(evaluation_rows.nights.max())
        rows = tables.read("valid", case.entities, first, last, columns=["entity", *entity_columns])
        frame = frame.merge(rows, on="entity", how="left", validate="1:1")
    return {
        name: frame[name].astype(object).where(frame[name].notna(), "missing").astype(str).to_numpy(object)
        for name in columns
    }
