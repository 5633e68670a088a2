"""What a training found of its model: the rows gathered, judged in parts, drawn, and told in card, run and ledger."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from include import usecases
from include.settings import Settings
from include.steps.features.training_set import Labelled
from include.stores import report_paths
from include.stores.table_snapshot import Snapshot
from include.usecases import coherence
from ml import features
from ml.arrays import Booleans, Strings
from ml.evaluation import diagnostics
from ml.evaluation.diagnostics import Findings
from ml.governance import privacy
from ml.model_card import sections
from ml.promotion.gate import Judged
from ml.statistics.intervals import Answered
from ml.targets import Target
from ml.training.fitting import Fitted
from ml.usecase import UseCase


def measure(
    case: UseCase,
    target: Target,
    best: Fitted,
    learned: Labelled,
    judged: Labelled,
    frozen: Judged,
    tables: Snapshot,
) -> Findings:
    """Return what the frozen rows say of the chosen model; weak slices are sought where its folds walked ahead."""
    ahead = learned.where(best.ahead)
    texts = {each.column for each in case.texts}
    told = privacy.telling(case, case.feature_names, coherence.needs(case), "reports")
    shown = [name for name in told if name not in texts]
    earlier = Answered(frame=ahead.frame[shown], labels=ahead.labels, scores=best.scores, nights=ahead.nights)
    later = Answered(frame=judged.frame[shown], labels=frozen.labels, scores=frozen.challenger, nights=frozen.nights)
    return diagnostics.measure(
        case,
        target,
        earlier,
        later,
        edge_cases={each: holds(case, each.where, judged.frame) for each in case.edge_cases},
        slices=frozen.slices,
        levels=levels(case, judged, tables),
        among=holds(case, case.fairness.among if case.fairness else "", judged.frame),
    )


def evidence(found: Findings) -> dict[str, Any]:
    """Return what the ledger keeps of the findings: everything but the curves that are drawn."""
    kept = replace(found, gates=(), bins=())
    return {name: [asdict(each) for each in getattr(kept, name)] for name in ("segments", "groups")} | {
        "weak_slices": asdict(found.search)
    }


def files(found: Findings, target: Target, case: UseCase, night: date, settings: Settings) -> dict[str, bytes]:
    """Draw the findings beside the card, and return the pictures and the numbers as files."""
    from include.plotting import training_plots  # drawing is a second's import, which only a training pays

    drawn = {
        f"{name}.svg": svg.encode()
        for name, svg in training_plots.draw(found, sections.pictures(found), target).items()
    }
    for name, content in drawn.items():
        report_paths.write_beside(report_paths.card(settings.reports, case.name, night), name, content)
    return drawn | {"findings.json": (json.dumps(evidence(found), indent=1) + "\n").encode()}


def holds(case: UseCase, where: str, frame: pd.DataFrame) -> Booleans:
    """Return the rows where a feature or function is not 0, all where none is named; missing values are none."""
    if not where:
        return np.ones(len(frame), bool)
    if where in case.feature_names:
        column = frame[where]
    else:
        with usecases.blaming(case.name):
            column = features.call(coherence.functions(case)[where], frame)
    holds: Booleans = np.nan_to_num(column.to_numpy(np.float64)) != 0
    return holds


def levels(case: UseCase, judged: Labelled, tables: Snapshot) -> Mapping[str, Strings]:
    """Return the text of each row's group for every column of the declared fairness, features or not."""
    asked = case.fairness.by if case.fairness else ()
    of_entities = [name for name in asked if name not in judged.frame]
    frame = judged.frame
    if of_entities:
        first, last = str(judged.nights.min()), str(judged.nights.max())
        rows = tables.read("valid", case.entities, first, last, columns=["entity", *of_entities])
        frame = frame.merge(rows, on="entity", how="left", validate="1:1")
    return {
        name: frame[name].astype(object).where(frame[name].notna(), "missing").astype(str).to_numpy(object)
        for name in asked
    }
