"""Made-up worlds whose truth is known: what may happen to a model's nights, and which triggers ought to notice.

The champion of each world answers with the true probability of the world as it was, from the features as they come in. Nights
share their luck, as real ones do. From `BREAKS` on one thing is different, or nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from ml.arrays import Floats, Integers, Strings
from ml.periods import Period
from ml.retraining.backtest.context import Scene
from ml.retraining.backtest.history import Instants, Past, Trained
from ml.targets import binary
from ml.usecase import Binary, Column, Cost, Night, Rehearsal, Table, UseCase

A_NIGHT, BEFORE, WALKED, BREAKS, LEARNED, YEAR = 300, 400, 120, 40, 90, 364
_FIRST, _KNOWN_AFTER_DAYS, _LEAKS = date(2020, 1, 1), 1.5, 60
_COST = Cost(act=1, miss=5, averted=0.6)
_FEATURES = ("distance", "load", "age", "warmth", "kind")

CASE = UseCase(
    name="made_up",
    question="Will it break?",
    task=Binary(label="broke", of="ends"),
    entities="trips",
    tables=(
        Table(name="trips", schema="Trip", key=("trip",), event_time="at", night="day"),
        Table(name="ends", schema="End", key=("trip",), event_time="at", known_at="told_at"),
    ),
    horizon=Night(hour=0, timezone="UTC"),
    features=tuple(map(Column, _FEATURES)),
    cost=_COST,
    rehearsal=Rehearsal(history="2020-01-01..2020-12-31", nights="2021-01-01..2021-01-31"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """What is true of some rows: standard scores that the truth is made of, their labels, and how features come in."""

    a: Floats
    b: Floats
    c: Floats
    warmth: Floats
    kind: Integers
    luck: Floats
    since: Floats
    weight_a: Floats
    weight_b: Floats
    offset: Floats

    @property
    def log_odds(self) -> Floats:
        """The truth."""
        kinds: Floats = np.array([-0.4, 0.0, 0.4])[self.kind]
        same = -0.5 * self.c + 0.4 * self.warmth + kinds
        return self.offset + self.weight_a * self.a + self.weight_b * self.b + same + self.luck

    @property
    def features(self) -> pd.DataFrame:
        """The features as they come in where nothing is broken."""
        kinds = pd.Categorical(np.array(["bus", "train", "tram"])[self.kind])
        columns = (10 * np.exp(0.5 * self.a), 50 + 10 * self.b, self.c, 10 + 8 * self.warmth, kinds)
        return pd.DataFrame(dict(zip(_FEATURES, columns, strict=True)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """Something that may happen: to the world, or to a feature on its way in; `ought` are the triggers that should notice."""

    name: str
    ought: frozenset[str] = frozenset()
    happens: Callable[[World, np.random.Generator], World] = lambda world, _: world
    comes_in: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame] = lambda frame, _: frame
    seasons: bool = False


def scene(scenario: Scenario, seed: int) -> tuple[Scene, Trained]:
    """Return the nights of a world in which the scenario happens, and the champion that answers all of them."""
    chance = np.random.default_rng(seed)
    world = scenario.happens(_world(chance, seasons=scenario.seasons), chance)
    labels = (chance.random(len(world.a)) < _probability(world.log_odds)).astype(np.float64)
    after = world.since >= 0
    frame = world.features
    frame = pd.concat(
        [frame[~after], scenario.comes_in(frame[after].reset_index(drop=True), chance)], ignore_index=True
    )
    scores = _probability(_answered(frame))
    past = Past(nights=_nights(), labels=labels, known_at=_known_at(), features=frame)
    period = Period(_night(BEFORE), _night(BEFORE + WALKED - 1))
    return Scene(case=CASE, past=past, period=period, gate=False), _champion(past, scores)


def _world(chance: np.random.Generator, *, seasons: bool) -> World:
    nights = np.arange(BEFORE + WALKED)
    places = np.repeat(nights, A_NIGHT)
    rows = len(places)
    a, b, c, warmth = chance.normal(size=(4, rows))
    mean = 1.5 * np.sin(2 * np.pi * places / YEAR) if seasons else 0.0
    return World(
        a=a,
        b=b,
        c=c,
        warmth=0.5 * warmth + mean,
        kind=chance.choice(3, rows, p=[0.5, 0.3, 0.2]),
        luck=chance.normal(0, 0.1, len(nights))[places],
        since=(places - BEFORE - BREAKS).astype(np.float64),
        weight_a=np.full(rows, 0.8),
        weight_b=np.full(rows, 0.6),
        offset=np.full(rows, -1.0),
    )


def _answered(frame: pd.DataFrame) -> Floats:
    """Return the log-odds of the champion: the truth as it was, from what came in, a missing number taken for the usual."""
    usual = dict(zip(_FEATURES, (10.0, 50.0, 0.0, 10.0), strict=False))
    numbers = frame[list(usual)].fillna(usual).to_numpy(np.float64)
    kinds: Floats = np.array([-0.4, 0.0, 0.4])[frame["kind"].cat.codes.to_numpy()]
    a, b = 2 * np.log(np.maximum(numbers[:, 0], 1e-3) / 10), (numbers[:, 1] - 50) / 10
    found: Floats = -1 + 0.8 * a + 0.6 * b - 0.5 * numbers[:, 2] + 0.4 * (numbers[:, 3] - 10) / 8 + kinds
    return found


def _champion(past: Past, scores: Floats) -> Trained:
    """Return the champion as its training would have left it: its loss is that of the nights it learned from."""
    target = binary.Target(cost=_COST, prior=float(past.labels.mean()))
    learned = past.rows(_night(BEFORE - LEARNED), _night(BEFORE - 2))
    return Trained(
        night=_night(BEFORE - 1),
        learned_from=str(_night(BEFORE - LEARNED)),
        learned_until=str(_night(BEFORE - 2)),
        used_until=str(_night(BEFORE - 2)),
        rows=learned.stop - learned.start,
        loss=float(target.row_loss(past.labels[learned], scores[learned]).mean()),
        target=target,
        scores=scores,
    )


def _covariates(world: World, _chance: np.random.Generator) -> World:
    after = world.since >= 0
    return replace(world, a=world.a + after, b=world.b + after)


def _prior(world: World, chance: np.random.Generator) -> World:
    """Let a yes be more frequent, and rows of either label look as they did: drawn again, a yes three times as often."""
    would = chance.random(len(world.a)) < _probability(world.log_odds)
    drawn = np.arange(len(would))
    after = np.flatnonzero(world.since >= 0)
    weights = np.where(would[after], 3.0, 1.0)
    drawn[after] = chance.choice(after, len(after), p=weights / weights.sum())
    same = {name: getattr(world, name)[drawn] for name in ("a", "b", "c", "warmth", "kind")}
    return replace(world, **same, offset=world.offset + np.log(3) * (world.since >= 0))


def _concept(world: World, _chance: np.random.Generator) -> World:
    """Let two features mean the opposite; how many a yes is stays as it was."""
    after = world.since >= 0
    return replace(world, weight_a=np.where(after, -0.8, 0.8), weight_b=np.where(after, -0.6, 0.6))


def _leak(world: World, _chance: np.random.Generator) -> World:
    """Let everything become likelier, and one feature mean less, a little more each night."""
    gone = np.clip(world.since / _LEAKS, 0, 1)
    return replace(world, offset=world.offset + 0.8 * gone, weight_a=world.weight_a * (1 - gone))


def _constant(frame: pd.DataFrame, _chance: np.random.Generator) -> pd.DataFrame:
    return frame.assign(distance=10.0)


def _unit(frame: pd.DataFrame, _chance: np.random.Generator) -> pd.DataFrame:
    return frame.assign(distance=frame["distance"] * 1.609)


def _nulls(frame: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
    return frame.assign(distance=frame["distance"].mask(chance.random(len(frame)) < 0.5))


_DRIFT = frozenset({"drift from training", "drift from the season", "drift from the past"})
SCENARIOS = (
    Scenario(name="nothing"),
    Scenario(name="a season", seasons=True),
    Scenario(name="covariate shift", ought=_DRIFT, happens=_covariates),
    Scenario(name="label shift", ought=frozenset({"calibration_gap"}), happens=_prior),
    Scenario(name="concept shift", ought=frozenset({"loss_rise", "loss_surprise"}), happens=_concept),
    Scenario(name="a feature is constant", ought=_DRIFT | {"loss_rise"}, comes_in=_constant),
    Scenario(name="a feature in another unit", ought=_DRIFT, comes_in=_unit),
    Scenario(name="a feature half missing", ought=_DRIFT, comes_in=_nulls),
    Scenario(name="a slow leak", ought=frozenset({"calibration_gap", "loss_surprise"}), happens=_leak),
)


def _probability(log_odds: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-log_odds))
    return found


def _nights() -> Strings:
    return np.repeat(np.array([str(_night(place)) for place in range(BEFORE + WALKED)], object), A_NIGHT)


def _known_at() -> Instants:
    nights = np.array([_night(place) for place in range(BEFORE + WALKED)], "datetime64[ns]")
    return np.repeat(nights + np.timedelta64(int(_KNOWN_AFTER_DAYS * 24), "h"), A_NIGHT)


def _night(place: int) -> date:
    return _FIRST + timedelta(days=place)
