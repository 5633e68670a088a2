"""Backtest: simulate a range of past nights under other retraining policies.

It uses the stored features, real trainings and production's own decision functions. Production is not touched: no
score is published and no ledger entry is written. An interrupted backtest continues from the stored trainings.
"""

import logging
import resource
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from include import provenance, usecases
from include.settings import load_settings
from include.steps.backtest import trainings
from include.steps.backtest.training_key import BacktestRecipe, TrainingKey
from include.steps.backtest.trainings import TrainingSource
from include.steps.context import StepContext
from include.steps.features import build as feature_step
from include.steps.monitor import model_age
from include.stores import table_snapshot
from include.usecases import coherence
from ml.errors import RefusalError, RequestError
from ml.governance import privacy
from ml.ingestion.availability import KNOWN_AT, NIGHT
from ml.retraining.backtest import model_ageing, policies, results, simulation
from ml.retraining.backtest.context import BacktestContext, PolicyRun
from ml.retraining.backtest.history import BacktestHistory, TrainingId, TrainingRefusal, TrainingResult
from ml.retraining.backtest.model_ageing import LossByAge
from ml.retraining.backtest.policies import Policy, Triggered
from ml.retraining.backtest.results import Results
from ml.usecase import Candidate, GradientBoosting, UseCase
from ml.usecase.periods import Period

DEFAULT_POLICIES, DEFAULT_MAX_ROWS = "never,every@28,triggers", 90_000
SENSITIVITY_FACTORS = (0.5, 0.75, 1.5, 2.0)
ProgressCallback = Callable[[int, int], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class BacktestRequest:
    """The parameters of a backtest.

    `policies` is text as people write it (`ml.retraining.backtest.policies`). `gate` lets the gate decide on each
    challenger. `candidate` is a candidate or the name of a declared one; "" means the first gradient boosting
    candidate, or the first candidate if there is none. `first` names the candidate of the first model, "" if it is the
    same. `allowance` replaces the declared number of refreshes that the gate adopts unproven. `sensitivity` adds
    policies whose thresholds are multiples of the requested ones. `workers` is the number of training processes, by
    default the number of threads in the settings.
    """

    use_case: str
    period: Period
    policies: str = DEFAULT_POLICIES
    gate: bool = False
    candidate: str | Candidate = ""
    first: str = ""
    allowance: int | None = None
    max_rows: int = DEFAULT_MAX_ROWS
    calibrated: bool = True
    sensitivity: bool = False
    workers: int | None = None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of a backtest: trainings run and reused, wall-clock seconds, and CPU seconds with child processes."""

    trained: int
    reused: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, kw_only=True)
class BacktestRun:
    """The outcome of a backtest.

    `walks` has every decision of each requested policy, `results` compares the policies, `sensitivity` does so for the
    varied thresholds, and `ages` is the loss by model age.
    """

    request: BacktestRequest
    training_key: TrainingKey
    context: BacktestContext
    walks: tuple[PolicyRun, ...]
    results: Results
    sensitivity: Results | None
    ages: tuple[LossByAge, ...]
    cost: Cost


def _no_progress(_done: int, _all: int) -> None: ...


def run(request: BacktestRequest, on_progress: ProgressCallback = _no_progress) -> BacktestRun:
    """Simulate the nights under every policy and return the outcome.

    `on_progress` receives the number of trainings run and the number known to be needed so far. Raises RequestError
    if a policy or the candidate cannot be read, and RefusalError if nights are missing or too few precede the first.
    """
    started, cpu_before = time.perf_counter(), _cpu_seconds()
    case, settings = _with_allowance(usecases.get(request.use_case), request.allowance), load_settings()
    requested = policies.parse(request.policies, case.triggers)
    sensitivity_policies = tuple(_sensitivity_policies(requested, case)) if request.sensitivity else ()
    training_key = _training_key(StepContext(case=case, settings=settings), request)
    with_drift = any(
        isinstance(each, Triggered) and each.triggers.drift for each in (*requested, *sensitivity_policies)
    )
    context = _context(case, request, training_key, with_drift=with_drift)
    walks, trained, trained_now = _run_all(
        (*requested, *sensitivity_policies), context, training_key, request.workers or settings.threads, on_progress
    )
    confidence = case.gates.confidence

    def measured(selected: Iterable[Policy]) -> Results:
        return results.measure([walks[each.name] for each in selected], context, trained, confidence)

    ages = model_ageing.loss_by_age(context, trained, confidence)
    model_age.save(StepContext(case=case, settings=settings), ages)
    return BacktestRun(
        request=request,
        training_key=training_key,
        context=context,
        walks=tuple(walks[each.name] for each in requested),
        results=measured(requested),
        sensitivity=measured(each for each in (*requested, *sensitivity_policies) if isinstance(each, Triggered))
        if sensitivity_policies
        else None,
        ages=ages,
        cost=Cost(
            trained=trained_now,
            reused=len(trained) - trained_now,
            seconds=time.perf_counter() - started,
            cpu_seconds=_cpu_seconds() - cpu_before,
        ),
    )


def _with_allowance(case: UseCase, allowance: int | None) -> UseCase:
    if allowance is None or case.adoption is None:
        return case
    return replace(case, adoption=replace(case.adoption, allowance=allowance))


def _sensitivity_policies(requested: Iterable[Policy], case: UseCase) -> Iterable[Policy]:
    """Yield the policies with varied thresholds for each triggered policy, without duplicates."""
    names = {each.name for each in requested}
    for policy in requested:
        if isinstance(policy, Triggered):
            for each in policies.vary_thresholds(policy, SENSITIVITY_FACTORS, case.triggers):
                if each.name not in names:
                    names.add(each.name)
                    yield each


def _training_key(context: StepContext, request: BacktestRequest) -> TrainingKey:
    tables = table_snapshot.take(context.case, context.settings)
    for stage, table in (
        (feature_step.STAGE, feature_step.table(context.case.horizon)),
        ("valid", context.case.task.table),
        ("valid", context.case.entities),
    ):
        tables.version(stage, table)
    recipe = BacktestRecipe(
        candidate=_candidate(context.case, request.candidate),
        max_rows=request.max_rows,
        calibrated=request.calibrated,
        gate=request.gate,
        first=_candidate(context.case, request.first) if request.first else None,
    )
    return TrainingKey(
        use_case=context.case.name, recipe=recipe, reads=tuple(tables.versions.items()), code=provenance.code_version()
    )


def _candidate(case: UseCase, wanted: str | Candidate) -> Candidate:
    """Return the declared candidate named `wanted`; for "" the first gradient boosting one, or else the first."""
    if not isinstance(wanted, str):
        return wanted
    trees = [each for each in case.candidates if isinstance(each, GradientBoosting)]
    matches = [each for each in case.candidates if each.name == wanted] if wanted else [*trees, *case.candidates]
    if not matches:
        names = [each.name for each in case.candidates]
        raise RequestError(f"expected a candidate of {case.name}, one of {names}, got {wanted!r}")
    return matches[0]


def _context(
    case: UseCase, request: BacktestRequest, training_key: TrainingKey, *, with_drift: bool
) -> BacktestContext:
    """Return the nights with their rows, and with their features if drift is evaluated.

    Raises RefusalError if nights are missing.
    """
    training_source = trainings.source(case.name, training_key.reads)
    available = (str(training_source.rows[NIGHT].min()), str(training_source.rows[NIGHT].max()))
    first, last = request.period.first, request.period.last
    if not available[0] < str(first) <= str(last) <= available[1]:
        raise RefusalError(
            f"expected features of nights before {first} and up to {last}, found {available[0]} to {available[1]}: "
            f"ingest more (ratchet ingest {case.name} ...), or choose nights within that range"
        )
    rows = build_history(case, training_source, with_drift=with_drift)
    first_candidate = training_key.recipe.first
    return BacktestContext(
        case=case,
        history=rows,
        period=request.period,
        use_gate=request.gate,
        first_candidate="" if first_candidate is None else first_candidate.name,
    )


def build_history(case: UseCase, training_source: TrainingSource, *, with_drift: bool = False) -> BacktestHistory:
    """Return the rows with their newest label, when it became known, and, if `with_drift`, the reportable features."""
    rows, label = training_source.rows, case.task.label
    newest = training_source.known.sort_values(KNOWN_AT).drop_duplicates("entity", keep="last").set_index("entity")
    labels = rows["entity"].map(newest[label]).to_numpy(np.float64)
    known_at = pd.to_datetime(rows["entity"].map(newest[KNOWN_AT]), utc=True).dt.tz_localize(None)
    return BacktestHistory(
        nights=rows[NIGHT].to_numpy(object),
        labels=labels,
        known_at=known_at.where(~np.isnan(labels)).to_numpy("datetime64[ns]"),
        levels={each.feature: rows[each.feature].astype(str).to_numpy(object) for each in case.slices},
        features=rows[
            privacy.features_allowed_in(case, case.feature_names, coherence.function_parameters(case), "reports")
        ]
        if with_drift
        else None,
        texts=tuple(each.column for each in case.texts),
    )


def _run_all(
    requested: tuple[Policy, ...],
    context: BacktestContext,
    training_key: TrainingKey,
    workers: int,
    on_progress: ProgressCallback,
) -> tuple[Mapping[str, PolicyRun], Mapping[TrainingId, TrainingResult], int]:
    """Return the simulation of each policy by its name, all trainings, and how many of them were run now.

    Trainings run in rounds: first those that are certain or likely to be needed, then, in parallel, those that the
    simulations are waiting for.
    """
    trained: dict[TrainingId, TrainingResult] = {}
    runs = {each.name: simulation.start(each, context) for each in requested}
    wanted = {
        training
        for each in requested
        for training in simulation.planned_trainings(each, context) | simulation.likely_trainings(each, context)
    }
    trained_now = 0

    def count(training: TrainingId) -> None:
        nonlocal trained_now
        trained_now += 1
        _log.info(
            "trained as of %s: %d run, %d known to be needed", training.night, trained_now, len(trained) + len(wanted)
        )
        on_progress(trained_now, len(trained) + len(wanted))

    while wanted:
        trained |= trainings.gather(training_key, wanted, workers, count)
        _check_first_model(trained[context.initial_training])
        wanted = set()
        for name, run in runs.items():
            runs[name], missing = simulation.advance(run, context, trained)
            wanted |= missing
    return runs, trained, trained_now


def _check_first_model(first: TrainingResult) -> None:
    if isinstance(first, TrainingRefusal):
        raise RefusalError(f"the first model of the backtest cannot be trained: {first.reason}")


def _cpu_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
