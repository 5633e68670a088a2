"""The candidates among themselves: each fitted, measured on nights ahead and timed, and the one that goes to the gate."""

import time
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from include.settings import Settings
from include.steps import training_set, tuning
from include.steps.training_set import Labelled
from include.stores.snapshot import Snapshot
from include.usecases import coherence
from ml import leakage, privacy, selection, targets, training, worth
from ml.selection import Choice, Contender
from ml.targets import Target
from ml.training import Fitted, Material, Model
from ml.usecase import UseCase
from ml.worth import Worth

SEED = 2013
_TIMED_ROWS, _TRIES = 300, 3


@dataclass(frozen=True, kw_only=True)
class Contest:
    """The contenders and the choice among them; `worths` says what each feature is worth to the `best`."""

    learned: Labelled
    contenders: tuple[Contender, ...]
    choice: Choice
    best: Fitted
    worths: tuple[Worth, ...]
    target: Target


def hold(case: UseCase, when: date, learned: Labelled, tables: Snapshot, where: Settings, *, tune: bool) -> Contest:
    """Fit every candidate on the rows `learned` and choose one.

    Raises LeakError when a feature knows too much, RefusalError when no candidate can be chosen.
    """
    target = targets.learned(case, learned.labels)
    _check_leaks(case, learned, target, when, tables)
    material = _gathered(case, learned, target, where)
    found = tuning.candidates(case, when, material, where, anew=tune)
    fitted = {each.name: training.fit(each, material) for each in found}
    contenders = tuple(_contender(case, each, learned, target) for each in fitted.values())
    choice = selection.choose(contenders, case.latency_budget)
    best = fitted[choice.name]
    return Contest(
        learned=learned,
        contenders=contenders,
        choice=choice,
        best=best,
        worths=_worths(case, best, learned, target),
        target=target,
    )


def _check_leaks(case: UseCase, learned: Labelled, target: Target, when: date, tables: Snapshot) -> None:
    future = training_set.at_event(case, learned, when, tables)
    hidden = set(case.feature_names) - set(privacy.telling(case, case.feature_names, coherence.needs(case), "logs"))
    seen = learned.frame[list(case.feature_names)]
    leakage.check_features(
        seen, learned.labels, learned.nights, future, case.gates, target=target, settled=case.settled, hidden=hidden
    )


def _gathered(case: UseCase, learned: Labelled, target: Target, where: Settings) -> Material:
    return training.gather(
        learned.frame,
        learned.labels,
        learned.nights,
        case.feature_names,
        target=target,
        seed=SEED,
        threads=where.threads,
        texts=case.texts,
        recency=case.weighting,
    )


def _contender(case: UseCase, fitted: Fitted, learned: Labelled, target: Target) -> Contender:
    ahead = learned.where(fitted.ahead)
    quality = target.measure(ahead.labels, fitted.scores, ahead.nights)
    leakage.check_quality(quality, case.gates)
    return Contender(
        name=fitted.candidate.name, quality=quality, p99_latency_ms=_p99_latency_ms(fitted.model, ahead.frame)
    )


def _p99_latency_ms(model: Model, frame: pd.DataFrame) -> float:
    """Return the 99th percentile of answering one row at a time, in milliseconds.

    Each row counts by the best of some tries: what else the machine does is not the model's doing.
    """
    rows = frame.head(_TIMED_ROWS)[list(model.encoder.names)].to_dict("records")
    seconds = []
    for row in rows:
        asked = {str(name): value for name, value in row.items()}
        seconds.append(min(_seconds(model, asked) for _ in range(_TRIES)))
    return float(np.quantile(seconds[1:], 0.99) * 1000)


def _seconds(model: Model, row: dict[str, Any]) -> float:
    started = time.perf_counter()
    model.predict_row(row)
    return time.perf_counter() - started


def _worths(case: UseCase, best: Fitted, learned: Labelled, target: Target) -> tuple[Worth, ...]:
    return worth.measure(
        best,
        learned.frame,
        learned.labels,
        learned.nights,
        case.features,
        target=target,
        confidence=case.gates.confidence,
        seed=SEED,
    )
