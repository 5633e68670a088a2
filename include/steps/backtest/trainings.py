"""The trainings of a backtest: each runs once, as of its night, and is stored as its scores of all later rows.

They are stored under the digest of their inputs, so another backtest reuses them and an interrupted one continues.
"""

import json
import os
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from multiprocessing import get_context, parent_process
from typing import Any

import numpy as np
import pandas as pd

from include import usecases
from include.settings import Settings, load_settings
from include.steps.backtest.training_key import BacktestRecipe, TrainingKey
from include.steps.context import StepContext
from include.steps.features import build as feature_step
from include.steps.features import feature_pins, training_set
from include.steps.features.training_set import LabelledRows
from include.steps.train import candidates, diagnostics
from include.steps.train.plan import SEED
from include.stores import candidate_store, table_snapshot
from include.stores.table_snapshot import TableSnapshot
from ml import targets
from ml.arrays import Booleans, Floats
from ml.errors import RefusalError
from ml.features import ENTITY
from ml.governance.checks import Check, CheckStatus
from ml.ingestion.availability import NIGHT
from ml.retraining.backtest.history import TrainedModel, TrainingId, TrainingRefusal, TrainingResult
from ml.statistics.intervals import ScoredRows
from ml.targets import Target
from ml.training import baselines, fitting, splitting, weighting
from ml.training.fitting import FittedCandidate, Model, TrainingData
from ml.usecase import UseCase

_FACTS, _SCORES, _BASELINES, _REFUSAL, _FLOAT = "trained.json", "scores.f8", "baselines.f8", "refusal.txt", "<f8"


@dataclass(frozen=True, kw_only=True)
class TrainingSource:
    """The input of all trainings in a process: feature rows by night and entity, and all label events (`known`)."""

    case: UseCase
    tables: TableSnapshot
    rows: pd.DataFrame
    known: pd.DataFrame


def gather(
    training_key: TrainingKey,
    wanted: Collection[TrainingId],
    workers: int,
    on_trained: Callable[[TrainingId], None],
) -> dict[TrainingId, TrainingResult]:
    """Return the trainings `wanted`; up to `workers` processes run those that are missing.

    `on_trained` is called after each training that was run.
    """
    settings = load_settings()
    missing = [each for each in sorted(wanted) if not candidate_store.is_intact(training_key.path(each, settings))]
    with _training_pool(training_key, min(workers, len(missing))) as train:
        for training in train(missing):
            on_trained(training)
    length = len(source(training_key.use_case, training_key.reads).rows)
    return {
        training: load(candidate_store.get(training_key.path(training, settings)), training_key, training, length)
        for training in wanted
    }


@contextmanager
def _training_pool(
    training_key: TrainingKey, workers: int
) -> Iterator[Callable[[list[TrainingId]], Iterator[TrainingId]]]:
    """Yield a function that runs trainings: in this process for one worker, else in spawned one-thread processes."""
    if workers <= 1:
        yield lambda wanted: (train(training_key, each) for each in wanted)
        return
    previous = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    pool = ProcessPoolExecutor(workers, get_context("spawn"), init_worker, (list(usecases.__path__),))
    try:
        yield lambda wanted: (
            each.result() for each in as_completed([pool.submit(train, training_key, each) for each in wanted])
        )
    finally:
        pool.shutdown(cancel_futures=True)
        os.environ.pop("OMP_NUM_THREADS")
        os.environ.update({} if previous is None else {"OMP_NUM_THREADS": previous})


def init_worker(folders: list[str]) -> None:
    """Prepare a worker process: it finds the same use cases, and exits when its parent is killed.

    A worker's queue does not report the death of its parent.
    """
    usecases.__path__[:] = folders
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def train(training_key: TrainingKey, training: TrainingId) -> TrainingId:
    """Store one training, or the reason why it was refused, and return its id."""
    settings = load_settings()
    training_source = source(training_key.use_case, training_key.reads)
    try:
        files = _train(training_source, training, training_key.recipe, replace(settings, threads=1))
    except RefusalError as refusal:
        files = {_REFUSAL: str(refusal).encode()}
    candidate_store.put(training_key.path(training, settings), files)
    return training


@lru_cache(maxsize=1)
def source(use_case: str, reads: tuple[tuple[str, int], ...]) -> TrainingSource:
    """Return the input of the trainings at the table versions `reads`.

    Raises RefusalError if there are no features, and FeatureError if they were built from other declarations.
    """
    context = StepContext.load(use_case)
    tables = table_snapshot.take(context.case, context.settings, dict(reads))
    version = feature_step.version(tables, context.case)
    rows = feature_step.read(context.settings.lake, context.case, at_version=version)
    if rows.empty:
        raise RefusalError(f"expected nights of {context.case.name} to simulate, found none: ingest history first")
    feature_pins.check_current(rows, context)
    rows = rows.sort_values([NIGHT, ENTITY], ignore_index=True)
    return TrainingSource(
        case=context.case, tables=tables, rows=rows, known=training_set.label_events(context.case, date.max, tables)
    )


def _train(
    training_source: TrainingSource, training: TrainingId, recipe: BacktestRecipe, settings: Settings
) -> dict[str, bytes]:
    """Return the files of a training: facts, scores of all later rows, and, for a gate, the baselines' scores."""
    case, rows = training_source.case, training_source.rows
    night = training.night
    labelled = training_set.join_labels(case, night, rows[rows[NIGHT] <= str(night)], training_source.known)
    _check_enough(labelled, case)
    parts = splitting.hold_out(labelled.nights, training.held_out)
    held_out = labelled.select(parts.holdout)
    training_rows = sample(labelled.select(parts.train), recipe.max_rows)
    target = targets.from_labels(case, training_rows.labels)
    material = candidates.gather_material(StepContext(case=case, settings=settings), training_rows, target, SEED)
    fitted = fitting.fit(recipe.candidate_of(training), material)
    model = fitted.model if recipe.calibrated else _uncalibrated(fitted)
    until = str(labelled.nights[parts.train].max())
    later = rows[rows[NIGHT] > until]
    scores = model.predict(later) if len(later) else np.zeros(0)
    held_out_scores = model.predict(held_out.frame) if len(held_out.labels) else np.zeros(0)
    facts = {
        "learned_until": until,
        "used_until": str(labelled.nights.max()),
        "rows": len(training_rows.labels),
        "loss": _loss(held_out, held_out_scores, target)
        if training.held_out
        else _out_of_fold_loss(fitted, model, material),
        "task": target.facts,
        "baselines": [each.name for each in case.baselines] if training.held_out else [],
        "checks": [_check_facts(each) for each in _checks(training_source, held_out, held_out_scores, target)],
    }
    baseline_scores = [baselines.predict(each, later, target.prior) for each in case.baselines if training.held_out]
    return {
        _FACTS: json.dumps(facts, sort_keys=True).encode(),
        _SCORES: scores.astype(_FLOAT).tobytes(),
        _BASELINES: np.array(baseline_scores).astype(_FLOAT).tobytes(),
    }


def load(files: dict[str, bytes], training_key: TrainingKey, training: TrainingId, length: int) -> TrainingResult:
    """Return a stored training; its scores are those of the last of all `length` rows, and NaN for earlier rows."""
    if _REFUSAL in files:
        return TrainingRefusal(training=training, reason=files[_REFUSAL].decode())
    facts: dict[str, Any] = json.loads(files[_FACTS])
    names, count = facts["baselines"], len(files[_SCORES]) // np.dtype(_FLOAT).itemsize
    later = np.frombuffer(files[_SCORES] + files[_BASELINES], _FLOAT).reshape(1 + len(names), count)
    scores, *baseline_scores = np.hstack([np.full((len(later), length - count), np.nan), later])
    return TrainedModel(
        training=training,
        learned_until=facts["learned_until"],
        used_until=facts["used_until"],
        rows=facts["rows"],
        loss=facts["loss"],
        target=targets.from_facts(usecases.get(training_key.use_case), facts),
        scores=scores,
        baselines=dict(zip(names, baseline_scores, strict=True)),
        checks=tuple(_read_check(each) for each in facts["checks"]),
    )


def _check_enough(labelled: LabelledRows, case: UseCase) -> None:
    """Raise RefusalError as production does if there are too few labelled nights to judge on and to learn from."""
    splitting.count_holdout(np.unique(labelled.nights), case.gates)


def _check_facts(check: Check) -> dict[str, Any]:
    return {"name": check.name, "value": check.value, "bar": check.bar, "answer": check.status}


def _read_check(facts: dict[str, Any]) -> Check:
    return Check(name=facts["name"], value=facts["value"], bar=facts["bar"], status=CheckStatus(facts["answer"]))


def sample(rows: LabelledRows, max_rows: int) -> LabelledRows:
    """Return at most `max_rows` of the rows, sampled uniformly, in their order."""
    if len(rows.labels) <= max_rows:
        return rows
    mask: Booleans = np.full(len(rows.labels), False)
    mask[np.random.default_rng(SEED).permutation(len(mask))[:max_rows]] = True
    return rows.select(mask)


def _uncalibrated(fitted: FittedCandidate) -> Model:
    """Return the model without its fitted calibration; the known bias of row weights is still compensated."""
    identity = replace(fitted.model.calibration, slope=1.0, offset=0.0)
    return replace(fitted.model, calibration=identity.compensate(weighting.log_odds_bias(fitted.candidate)))


def _loss(rows: LabelledRows, scores: Floats, target: Target) -> float:
    return float(target.row_loss(rows.labels, scores).mean())


def _out_of_fold_loss(fitted: FittedCandidate, model: Model, material: TrainingData) -> float:
    """Return the mean loss of the folds' models on their validation nights, which follow their training nights."""
    ahead = [fold.validation for fold in fitted.folds]
    predictions = [
        model.calibration.apply(fold.learner.raw(material.features[fold.validation])) for fold in fitted.folds
    ]
    labels = np.concatenate([material.labels[each] for each in ahead])
    return float(material.target.row_loss(labels, np.concatenate(predictions)).mean())


def _checks(
    training_source: TrainingSource, held_out: LabelledRows, scores: Floats, target: Target
) -> tuple[Check, ...]:
    """Return the gate's fairness checks on the held-out rows; they need no champion."""
    case = training_source.case
    if case.fairness is None or not len(held_out.labels):
        return ()
    rows = ScoredRows(frame=held_out.frame, labels=held_out.labels, scores=scores, nights=held_out.nights)
    among = diagnostics.condition_mask(case, case.fairness.population, held_out.frame)
    levels = diagnostics.group_levels(case, held_out, training_source.tables)
    groups = target.measure_groups(rows, levels, among, case.fairness, case.gates.confidence)
    return target.group_checks(groups, case.fairness)
