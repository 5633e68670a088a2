"""Trainings of a replay: each made once, as of its night, and kept by what it answers to all later rows.

They are known by what they are made of, so that another replay finds them, and one that was killed goes on.
"""

import json
import os
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import lru_cache
from multiprocessing import get_context, parent_process
from typing import Any

import numpy as np
import pandas as pd

from include import usecases
from include.settings import Settings, load_settings
from include.steps.backtest.training_key import Order, Recipe
from include.steps.features import build as feature_step
from include.steps.features import feature_pins, training_set
from include.steps.features.training_set import Labelled
from include.steps.train import candidates, diagnostics
from include.steps.train.plan import SEED
from include.stores import candidate_store, table_snapshot
from include.stores.table_snapshot import Snapshot
from ml import targets
from ml.arrays import Booleans, Floats
from ml.checks import Answer, Check
from ml.errors import RefusalError
from ml.features import ENTITY
from ml.ingestion.availability import NIGHT
from ml.retraining.backtest.history import Refused, Trained, Training
from ml.statistics.intervals import Answered
from ml.targets import Target
from ml.training import baselines, fitting, splitting, weighting
from ml.training.fitting import Fitted, Material, Model
from ml.usecase import UseCase

_FACTS, _SCORES, _BASELINES, _REFUSAL, _FLOAT = "trained.json", "scores.f8", "baselines.f8", "refusal.txt", "<f8"


@dataclass(frozen=True, kw_only=True)
class Source:
    """What all trainings of a process are made from: features by night and entity, and what was told of labels."""

    case: UseCase
    tables: Snapshot
    rows: pd.DataFrame
    known: pd.DataFrame


def gather(order: Order, nights: Collection[date], workers: int, told: Callable[[date], None]) -> dict[date, Training]:
    """Return the trainings as of `nights`, made by so many processes where they are not there yet; `told` hears of each."""
    settings = load_settings()
    lacking = [night for night in sorted(nights) if not candidate_store.whole(order.place(night, settings))]
    with _crew(order, min(workers, len(lacking))) as make:
        for night in make(lacking):
            told(night)
    length = len(source(order.use_case, order.reads).rows)
    return {night: recall(candidate_store.get(order.place(night, settings)), order, night, length) for night in nights}


@contextmanager
def _crew(order: Order, workers: int) -> Iterator[Callable[[list[date]], Iterator[date]]]:
    """Let trainings be made: here where one worker is enough, else by processes with a thread each, begun anew."""
    if workers <= 1:
        yield lambda nights: (make(order, night) for night in nights)
        return
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    pool = ProcessPoolExecutor(workers, get_context("spawn"), begin, (list(usecases.__path__),))
    try:
        yield lambda nights: (each.result() for each in as_completed([pool.submit(make, order, at) for at in nights]))
    finally:
        pool.shutdown(cancel_futures=True)
        os.environ.pop("OMP_NUM_THREADS")
        os.environ.update({} if before is None else {"OMP_NUM_THREADS": before})


def begin(folders: list[str]) -> None:
    """Let a new process find the same use cases, and end when the one that began it is killed: its queue would never tell."""
    usecases.__path__[:] = folders
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def make(order: Order, night: date) -> date:
    """Leave the training as of a night where it is kept, and return the night."""
    settings = load_settings()
    made_from = source(order.use_case, order.reads)
    try:
        files = _trained(made_from, night, order.recipe, replace(settings, threads=1))
    except RefusalError as refusal:
        files = {_REFUSAL: str(refusal).encode()}
    candidate_store.put(order.place(night, settings), files)
    return night


@lru_cache(maxsize=1)
def source(use_case: str, reads: tuple[tuple[str, int], ...]) -> Source:
    """Return what trainings are made from, at the versions `reads`; raises FeatureError as a training would."""
    case, settings = usecases.get(use_case), load_settings()
    tables = table_snapshot.take(case, settings, dict(reads))
    version = tables.version(feature_step.STAGE, feature_step.TABLE)
    rows = feature_step.read(settings.lake, case, at_version=version)
    if rows.empty:
        raise RefusalError(f"expected nights of {case.name} to walk, found none: ingest history first")
    feature_pins.require_current(rows, case, settings)
    rows = rows.sort_values([NIGHT, ENTITY], ignore_index=True)
    return Source(case=case, tables=tables, rows=rows, known=training_set.told(case, date.max, tables))


def _trained(made_from: Source, night: date, recipe: Recipe, settings: Settings) -> dict[str, bytes]:
    """Return the files of a training: its facts, and the answers to later rows, its own and where a gate asks the baselines'."""
    case, rows = made_from.case, made_from.rows
    labelled = training_set.meet(case, night, rows[rows[NIGHT] <= str(night)], made_from.known)
    parts = splitting.split(labelled.nights, case.gates)
    held = labelled.where(parts.judged if recipe.held_out else np.full(len(labelled.labels), False))
    learned = drawn(labelled.where(parts.fitted) if recipe.held_out else labelled, recipe.most_rows)
    target = targets.learned(case, learned.labels)
    material = candidates.gathered(case, learned, target, SEED, settings)
    fitted = fitting.fit(recipe.candidate, material)
    model = fitted.model if recipe.corrected else _uncorrected(fitted)
    until = str(labelled.nights[parts.fitted if recipe.held_out else slice(None)].max())
    later = rows[rows[NIGHT] > until]
    scores = model.predict(later) if len(later) else np.zeros(0)
    answered = model.predict(held.frame) if len(held.labels) else np.zeros(0)
    facts = {
        "learned_until": until,
        "used_until": str(labelled.nights.max()),
        "rows": len(learned.labels),
        "loss": _loss(held, answered, target) if recipe.held_out else _ahead(fitted, model, material),
        "task": target.facts,
        "baselines": [each.name for each in case.baselines] if recipe.held_out else [],
        "checks": [asdict(each) for each in _checks(made_from, held, answered, target)],
    }
    simple = [baselines.answer(each, later, target.prior) for each in case.baselines if recipe.held_out]
    return {
        _FACTS: json.dumps(facts, sort_keys=True).encode(),
        _SCORES: scores.astype(_FLOAT).tobytes(),
        _BASELINES: np.array(simple).astype(_FLOAT).tobytes(),
    }


def recall(files: dict[str, bytes], order: Order, night: date, length: int) -> Training:
    """Return a training as it was kept; `length` is the number of all rows, of which it answers the last."""
    if _REFUSAL in files:
        return Refused(night=night, reason=files[_REFUSAL].decode())
    facts: dict[str, Any] = json.loads(files[_FACTS])
    names, count = facts["baselines"], len(files[_SCORES]) // np.dtype(_FLOAT).itemsize
    later = np.frombuffer(files[_SCORES] + files[_BASELINES], _FLOAT).reshape(1 + len(names), count)
    scores, *simple = np.hstack([np.full((len(later), length - count), np.nan), later])
    return Trained(
        night=night,
        learned_until=facts["learned_until"],
        used_until=facts["used_until"],
        rows=facts["rows"],
        loss=facts["loss"],
        target=targets.told(usecases.get(order.use_case), facts),
        scores=scores,
        baselines=dict(zip(names, simple, strict=True)),
        checks=tuple(Check(**{**each, "answer": Answer(each["answer"])}) for each in facts["checks"]),
    )


def drawn(rows: Labelled, most: int) -> Labelled:
    """Return at most so many of the rows, drawn from all nights alike, in their order."""
    if len(rows.labels) <= most:
        return rows
    mask: Booleans = np.full(len(rows.labels), False)
    mask[np.random.default_rng(SEED).permutation(len(mask))[:most]] = True
    return rows.where(mask)


def _uncorrected(fitted: Fitted) -> Model:
    """Return the model without its calibration."""
    plain = replace(fitted.model.calibration, slope=1.0, offset=0.0)
    return replace(fitted.model, calibration=plain.after(weighting.overstated(fitted.candidate)))


def _loss(rows: Labelled, answered: Floats, target: Target) -> float:
    return float(target.row_loss(rows.labels, answered).mean())


def _ahead(fitted: Fitted, model: Model, material: Material) -> float:
    """Return what the model's folds lose on the nights ahead of what they had learned from."""
    at = [fold.ahead for fold in fitted.folds]
    answers = [model.calibration.apply(fold.learner.raw(material.features[fold.ahead])) for fold in fitted.folds]
    labels = np.concatenate([material.labels[each] for each in at])
    return float(material.target.row_loss(labels, np.concatenate(answers)).mean())


def _checks(made_from: Source, held: Labelled, answered: Floats, target: Target) -> tuple[Check, ...]:
    """Return the gate's checks of groups on the held-out rows, which need no champion."""
    case = made_from.case
    if case.fairness is None or not len(held.labels):
        return ()
    rows = Answered(frame=held.frame, labels=held.labels, scores=answered, nights=held.nights)
    among = diagnostics.holds(case, case.fairness.among, held.frame)
    levels = diagnostics.levels(case, held, made_from.tables)
    groups = target.groups(rows, levels, among, case.fairness, case.gates.confidence)
    return target.group_checks(groups, case.fairness)
