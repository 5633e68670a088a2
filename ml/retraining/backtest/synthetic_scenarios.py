"""Synthetic scenarios with known truth: changes to the data, and the triggers that should detect each change.

The champion scores rows with the true probabilities from before the change, computed from the features as received.
Rows of a night share a random effect, as in real data. From simulated night `CHANGE_NIGHT` on, one thing changes, or
nothing does.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from ml.arrays import Floats, Integers, Strings
from ml.retraining.backtest.context import BacktestContext
from ml.retraining.backtest.history import BacktestHistory, Instants, TrainedModel, TrainingId
from ml.targets import binary
from ml.usecase import Binary, Column, Cost, Demo, Night, Table, UseCase
from ml.usecase.periods import Period

ROWS_PER_NIGHT, NIGHTS_BEFORE, SIMULATED_NIGHTS, CHANGE_NIGHT, TRAINING_NIGHTS, NIGHTS_PER_YEAR = (
    300,
    400,
    120,
    40,
    90,
    364,
)
_FIRST_NIGHT, _KNOWN_AFTER_DAYS, _RAMP_NIGHTS = date(2020, 1, 1), 1.5, 60
_COST = Cost(act=1, miss=5, averted=0.6)
_FEATURES = ("distance", "load", "age", "warmth", "kind")

CASE = UseCase(
    name="made_up",
    question="Will it break?",
    task=Binary(label="broke", table="ends"),
    entities="trips",
    tables=(
        Table(name="trips", schema="Trip", key=("trip",), event_time="at", night="day"),
        Table(name="ends", schema="End", key=("trip",), event_time="at", known_at="told_at"),
    ),
    horizons=(Night(hour=0, timezone="UTC"),),
    features=tuple(map(Column, _FEATURES)),
    cost=_COST,
    demo=Demo(history="2020-01-01..2020-12-31", nights="2021-01-01..2021-01-31"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticData:
    """The variables and coefficients that determine the true log-odds of each row, each of shape (n,)."""

    a: Floats
    b: Floats
    c: Floats
    warmth: Floats
    kind: Integers
    night_effect: Floats
    nights_since_change: Floats
    weight_a: Floats
    weight_b: Floats
    offset: Floats

    @property
    def log_odds(self) -> Floats:
        """The true log-odds of the label, shape (n,)."""
        kinds: Floats = np.array([-0.4, 0.0, 0.4])[self.kind]
        unchanged = -0.5 * self.c + 0.4 * self.warmth + kinds
        return self.offset + self.weight_a * self.a + self.weight_b * self.b + unchanged + self.night_effect

    @property
    def features(self) -> pd.DataFrame:
        """The features as received, without faults."""
        kinds = pd.Categorical(np.array(["bus", "train", "tram"])[self.kind])
        columns = (10 * np.exp(0.5 * self.a), 50 + 10 * self.b, self.c, 10 + 8 * self.warmth, kinds)
        return pd.DataFrame(dict(zip(_FEATURES, columns, strict=True)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A change of the data or of a received feature; `expected_triggers` should detect it."""

    name: str
    expected_triggers: frozenset[str] = frozenset()
    change_data: Callable[[SyntheticData, np.random.Generator], SyntheticData] = lambda data, _: data
    change_features: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame] = lambda frame, _: frame
    seasonal: bool = False


def build_context(scenario: Scenario, seed: int) -> tuple[BacktestContext, TrainedModel]:
    """Return simulated nights with the change of the scenario, and the champion with its scores for all rows."""
    rng = np.random.default_rng(seed)
    data = scenario.change_data(_generate_data(rng, seasonal=scenario.seasonal), rng)
    labels = (rng.random(len(data.a)) < _probability(data.log_odds)).astype(np.float64)
    after = data.nights_since_change >= 0
    frame = data.features
    frame = pd.concat(
        [frame[~after], scenario.change_features(frame[after].reset_index(drop=True), rng)], ignore_index=True
    )
    scores = _probability(_champion_log_odds(frame))
    history = BacktestHistory(nights=_nights(), labels=labels, known_at=_known_at(), features=frame)
    period = Period(_night(NIGHTS_BEFORE), _night(NIGHTS_BEFORE + SIMULATED_NIGHTS - 1))
    return BacktestContext(case=CASE, history=history, period=period, use_gate=False), _champion(history, scores)


def _generate_data(rng: np.random.Generator, *, seasonal: bool) -> SyntheticData:
    nights = np.arange(NIGHTS_BEFORE + SIMULATED_NIGHTS)
    night_index = np.repeat(nights, ROWS_PER_NIGHT)
    rows = len(night_index)
    a, b, c, warmth = rng.normal(size=(4, rows))
    mean = 1.5 * np.sin(2 * np.pi * night_index / NIGHTS_PER_YEAR) if seasonal else 0.0
    return SyntheticData(
        a=a,
        b=b,
        c=c,
        warmth=0.5 * warmth + mean,
        kind=rng.choice(3, rows, p=[0.5, 0.3, 0.2]),
        night_effect=rng.normal(0, 0.1, len(nights))[night_index],
        nights_since_change=(night_index - NIGHTS_BEFORE - CHANGE_NIGHT).astype(np.float64),
        weight_a=np.full(rows, 0.8),
        weight_b=np.full(rows, 0.6),
        offset=np.full(rows, -1.0),
    )


def _champion_log_odds(frame: pd.DataFrame) -> Floats:
    """Return the champion's log-odds: the truth before the change, from received features; defaults replace NaN."""
    defaults = dict(zip(_FEATURES, (10.0, 50.0, 0.0, 10.0), strict=False))
    numbers = frame[list(defaults)].fillna(defaults).to_numpy(np.float64)
    kinds: Floats = np.array([-0.4, 0.0, 0.4])[frame["kind"].cat.codes.to_numpy()]
    a, b = 2 * np.log(np.maximum(numbers[:, 0], 1e-3) / 10), (numbers[:, 1] - 50) / 10
    log_odds: Floats = -1 + 0.8 * a + 0.6 * b - 0.5 * numbers[:, 2] + 0.4 * (numbers[:, 3] - 10) / 8 + kinds
    return log_odds


def _champion(history: BacktestHistory, scores: Floats) -> TrainedModel:
    """Return the champion; its loss is the loss of its scores on its training nights."""
    target = binary.Target(cost=_COST, prior=float(history.labels.mean()))
    training_rows = history.rows(_night(NIGHTS_BEFORE - TRAINING_NIGHTS), _night(NIGHTS_BEFORE - 2))
    return TrainedModel(
        training=TrainingId(_night(NIGHTS_BEFORE - 1)),
        learned_from=str(_night(NIGHTS_BEFORE - TRAINING_NIGHTS)),
        learned_until=str(_night(NIGHTS_BEFORE - 2)),
        used_until=str(_night(NIGHTS_BEFORE - 2)),
        rows=training_rows.stop - training_rows.start,
        loss=float(target.row_loss(history.labels[training_rows], scores[training_rows]).mean()),
        target=target,
        scores=scores,
    )


def _covariate_shift(data: SyntheticData, _rng: np.random.Generator) -> SyntheticData:
    after = data.nights_since_change >= 0
    return replace(data, a=data.a + after, b=data.b + after)


def _label_shift(data: SyntheticData, rng: np.random.Generator) -> SyntheticData:
    """Draw positive labels three times as often; the features given the label do not change."""
    labels = rng.random(len(data.a)) < _probability(data.log_odds)
    indices = np.arange(len(labels))
    after = np.flatnonzero(data.nights_since_change >= 0)
    weights = np.where(labels[after], 3.0, 1.0)
    indices[after] = rng.choice(after, len(after), p=weights / weights.sum())
    resampled = {name: getattr(data, name)[indices] for name in ("a", "b", "c", "warmth", "kind")}
    return replace(data, **resampled, offset=data.offset + np.log(3) * (data.nights_since_change >= 0))


def _concept_shift(data: SyntheticData, _rng: np.random.Generator) -> SyntheticData:
    """Reverse the effect of two features; the rate of positive labels does not change."""
    after = data.nights_since_change >= 0
    return replace(data, weight_a=np.where(after, -0.8, 0.8), weight_b=np.where(after, -0.6, 0.6))


def _gradual_shift(data: SyntheticData, _rng: np.random.Generator) -> SyntheticData:
    """Gradually raise the rate of positive labels, and weaken the effect of one feature."""
    progress = np.clip(data.nights_since_change / _RAMP_NIGHTS, 0, 1)
    return replace(data, offset=data.offset + 0.8 * progress, weight_a=data.weight_a * (1 - progress))


def _constant_feature(frame: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame:
    return frame.assign(distance=10.0)


def _unit_change(frame: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame:
    return frame.assign(distance=frame["distance"] * 1.609)


def _missing_values(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.assign(distance=frame["distance"].mask(rng.random(len(frame)) < 0.5))


_DRIFT = frozenset({"drift from training", "drift from the season", "drift from the past"})
SCENARIOS = (
    Scenario(name="nothing"),
    Scenario(name="a season", seasonal=True),
    Scenario(name="covariate shift", expected_triggers=_DRIFT, change_data=_covariate_shift),
    Scenario(name="label shift", expected_triggers=frozenset({"calibration_gap"}), change_data=_label_shift),
    Scenario(
        name="concept shift", expected_triggers=frozenset({"loss_rise", "loss_surprise"}), change_data=_concept_shift
    ),
    Scenario(name="a feature is constant", expected_triggers=_DRIFT | {"loss_rise"}, change_features=_constant_feature),
    Scenario(name="a feature in another unit", expected_triggers=_DRIFT, change_features=_unit_change),
    Scenario(name="a feature half missing", expected_triggers=_DRIFT, change_features=_missing_values),
    Scenario(
        name="a slow leak",
        expected_triggers=frozenset({"calibration_gap", "loss_surprise"}),
        change_data=_gradual_shift,
    ),
)


def _probability(log_odds: Floats) -> Floats:
    probabilities: Floats = 1 / (1 + np.exp(-log_odds))
    return probabilities


def _nights() -> Strings:
    return np.repeat(
        np.array([str(_night(offset)) for offset in range(NIGHTS_BEFORE + SIMULATED_NIGHTS)], object), ROWS_PER_NIGHT
    )


def _known_at() -> Instants:
    nights = np.array([_night(offset) for offset in range(NIGHTS_BEFORE + SIMULATED_NIGHTS)], "datetime64[ns]")
    return np.repeat(nights + np.timedelta64(int(_KNOWN_AFTER_DAYS * 24), "h"), ROWS_PER_NIGHT)


def _night(offset: int) -> date:
    return _FIRST_NIGHT + timedelta(days=offset)
