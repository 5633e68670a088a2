"""A range of nights walked again under other policies: real features, real trainings, the decisions of production.

Nothing of production is touched: no score is issued, no row of the ledger written. Killed anywhere and started again, it
goes on from the trainings that are there.
"""

import logging
import resource
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from include import provenance, usecases
from include.settings import Settings, load_settings
from include.steps.backtest import trainings
from include.steps.backtest.training_key import Order, Recipe
from include.steps.backtest.trainings import Source
from include.steps.features import build as feature_step
from include.steps.monitor import model_age
from include.stores import table_snapshot
from include.usecases import coherence
from ml.errors import RefusalError, RequestError
from ml.governance import privacy
from ml.ingestion.availability import KNOWN_AT, NIGHT
from ml.periods import Period
from ml.retraining.backtest import model_ageing, policies, results, simulation
from ml.retraining.backtest.context import Scene, Walk
from ml.retraining.backtest.history import Past, Refused, Training
from ml.retraining.backtest.model_ageing import Aged
from ml.retraining.backtest.policies import Policy, Triggered
from ml.retraining.backtest.results import Results
from ml.usecase import Candidate, GradientBoosting, UseCase

POLICIES, MOST_ROWS = "never,every@28,triggers", 90_000
FACTORS = (0.5, 0.75, 1.5, 2.0)
Told = Callable[[int, int], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a replay is asked for: nights, policies as people write them, the recipe, and how many processes may train.

    `candidate` is the name of a declared one, "" for the first that is trees, or the first; or a candidate of its own.
    `sensitivity` adds policies whose thresholds are multiples of those asked for.
    """

    use_case: str
    period: Period
    policies: str = POLICIES
    gate: bool = False
    candidate: str | Candidate = ""
    most_rows: int = MOST_ROWS
    corrected: bool = True
    sensitivity: bool = False
    workers: int | None = None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a replay took: trainings made and found, seconds by the clock, and of processors, its children's too."""

    made: int
    found: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What a replay came to: results, those of thresholds around the triggers, each decision, what age costs, what it took."""

    asked: Asked
    order: Order
    scene: Scene
    walks: tuple[Walk, ...]
    results: Results
    around: Results | None
    ages: tuple[Aged, ...]
    cost: Cost


def _silent(_done: int, _all: int) -> None: ...


def replay(asked: Asked, told: Told = _silent) -> Replayed:
    """Walk the nights under every policy and measure what they came to; `told` hears of trainings done, of those known of.

    Raises RequestError for a policy or candidate that cannot be read, RefusalError where there is no history to begin
    from, or the nights are not there.
    """
    began, spent = time.perf_counter(), _processor_seconds()
    case, settings = usecases.get(asked.use_case), load_settings()
    asked_for = policies.parse(asked.policies, case.triggers)
    around = tuple(_around(asked_for, case)) if asked.sensitivity else ()
    order = _order(case, asked, settings)
    drifting = any(isinstance(each, Triggered) and each.triggers.drift for each in (*asked_for, *around))
    scene = _scene(case, asked, order, drifting=drifting)
    grown, made = _grow((*asked_for, *around), scene, order, asked.workers or settings.threads, told)
    walks = {each.name: _walked(each, scene, grown) for each in (*asked_for, *around)}
    confidence = case.gates.confidence

    def measured(which: Iterable[Policy]) -> Results:
        return results.measure([walks[each.name] for each in which], scene, grown, confidence)

    ages = model_ageing.curve(scene, grown, confidence)
    model_age.keep(case, ages, settings)
    return Replayed(
        asked=asked,
        order=order,
        scene=scene,
        walks=tuple(walks[each.name] for each in asked_for),
        results=measured(asked_for),
        around=measured(each for each in (*asked_for, *around) if isinstance(each, Triggered)) if around else None,
        ages=ages,
        cost=Cost(
            made=made,
            found=len(grown) - made,
            seconds=time.perf_counter() - began,
            cpu_seconds=_processor_seconds() - spent,
        ),
    )


def _around(asked_for: Iterable[Policy], case: UseCase) -> Iterable[Policy]:
    """Return the policies around those that have triggers, none of them twice."""
    taken = {each.name for each in asked_for}
    for policy in asked_for:
        if isinstance(policy, Triggered):
            for each in policies.around(policy, FACTORS, case.triggers):
                if each.name not in taken:
                    taken.add(each.name)
                    yield each


def _order(case: UseCase, asked: Asked, settings: Settings) -> Order:
    tables = table_snapshot.take(case, settings)
    for stage, table in ((feature_step.STAGE, feature_step.TABLE), ("valid", case.task.of), ("valid", case.entities)):
        tables.version(stage, table)
    recipe = Recipe(
        candidate=_candidate(case, asked.candidate),
        most_rows=asked.most_rows,
        corrected=asked.corrected,
        held_out=asked.gate,
    )
    return Order(use_case=case.name, recipe=recipe, reads=tuple(tables.versions.items()), code=provenance.code())


def _candidate(case: UseCase, wanted: str | Candidate) -> Candidate:
    """Return the declared candidate of a name, or without a name the first that is trees, or the first."""
    if not isinstance(wanted, str):
        return wanted
    trees = [each for each in case.candidates if isinstance(each, GradientBoosting)]
    found = [each for each in case.candidates if each.name == wanted] if wanted else [*trees, *case.candidates]
    if not found:
        names = [each.name for each in case.candidates]
        raise RequestError(f"expected a candidate of {case.name}, one of {names}, got {wanted!r}")
    return found[0]


def _scene(case: UseCase, asked: Asked, order: Order, *, drifting: bool) -> Scene:
    """Return the nights with their rows, and where drift may ask their features; raises RefusalError when some of them are not there."""
    made_from = trainings.source(case.name, order.reads)
    there = (str(made_from.rows[NIGHT].min()), str(made_from.rows[NIGHT].max()))
    first, last = asked.period.first, asked.period.last
    if not there[0] < str(first) <= str(last) <= there[1]:
        raise RefusalError(
            f"expected features of nights before {first} to begin from, and up to {last}; there are those of {there[0]} to "
            f"{there[1]}: ingest more (ratchet ingest {case.name} ...), or ask for nights within"
        )
    rows = past(case, made_from, drifting=drifting)
    return Scene(case=case, past=rows, period=asked.period, gate=asked.gate)


def past(case: UseCase, made_from: Source, *, drifting: bool = False) -> Past:
    """Return the rows with the newest label of each, known from when that was told, and the features where asked for."""
    rows, label = made_from.rows, case.task.label
    newest = made_from.known.sort_values(KNOWN_AT).drop_duplicates("entity", keep="last").set_index("entity")
    labels = rows["entity"].map(newest[label]).to_numpy(np.float64)
    known_at = pd.to_datetime(rows["entity"].map(newest[KNOWN_AT]), utc=True).dt.tz_localize(None)
    return Past(
        nights=rows[NIGHT].to_numpy(object),
        labels=labels,
        known_at=known_at.where(~np.isnan(labels)).to_numpy("datetime64[ns]"),
        levels={each.by: rows[each.by].astype(str).to_numpy(object) for each in case.slices},
        features=rows[privacy.telling(case, case.feature_names, coherence.needs(case), "reports")]
        if drifting
        else None,
        texts=tuple(each.column for each in case.texts),
    )


def _grow(
    asked_for: Iterable[Policy], scene: Scene, order: Order, workers: int, told: Told
) -> tuple[Mapping[date, Training], int]:
    """Return all trainings that the policies come to ask for, and how many of them were made now.

    In rounds: what is certain beforehand first, then what each policy that waits is waiting for, side by side.
    """
    grown: dict[date, Training] = {}
    wanted = {night for each in asked_for for night in simulation.foreseen(each, scene)}
    made = 0

    def count(night: date) -> None:
        nonlocal made
        made += 1
        _log.info("trained as of %s: %d made, %d known to be needed", night, made, len(grown) + len(wanted))
        told(made, len(grown) + len(wanted))

    while wanted:
        grown |= trainings.gather(order, wanted, workers, count)
        _require_beginning(grown[scene.beginning])
        ways = (simulation.advance(simulation.begin(each, scene), scene, grown) for each in asked_for)
        wanted = {night for _, night in ways if night is not None}
    return grown, made


def _walked(policy: Policy, scene: Scene, grown: Mapping[date, Training]) -> Walk:
    walk, waits = simulation.advance(simulation.begin(policy, scene), scene, grown)
    assert waits is None
    return walk


def _require_beginning(first: Training) -> None:
    if isinstance(first, Refused):
        raise RefusalError(f"there is no first model to begin with: {first.reason}")


def _processor_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
