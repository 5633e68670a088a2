"""A made-up past for replays: nights of rows whose mean moves, and trainings that answer with what they saw last."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from ml.retraining.backtest import simulation
from ml.retraining.backtest.context import BacktestContext, PolicyRun
from ml.retraining.backtest.history import BacktestHistory, TrainedModel, TrainingId, TrainingResult
from ml.retraining.backtest.policies import Policy
from ml.targets import binary
from ml.usecase import Adoption, Cost, Gates, Refit, Triggers, UseCase
from ml.usecase.periods import Period
from tests.ml.usecase.test_use_case import use_case

FIRST = date(2024, 1, 1)
HISTORY, WALKED, A_NIGHT, HELD_OUT = 12, 40, 60, 4
TARGET = binary.Target(cost=Cost(act=10, miss=50, averted=0.5), prior=0.5)
TRIGGERS = Triggers(
    calibration_gap=0.1,
    loss_surprise=0.5,
    expected_loss_rise=0.5,
    new_labels=None,
    drift=None,
    window_nights=5,
    min_nights=2,
    cooldown_nights=3,
)


REFIT = Refit()


def night(place: int) -> date:
    """Return the night with this number; the first that is walked comes after the history."""
    return FIRST + timedelta(days=int(place))


def case() -> UseCase:
    """Return a use case of nights."""
    return replace(use_case(), triggers=TRIGGERS, gates=Gates(judged_nights=HELD_OUT, refresh_margin=0.05))


def past(rate: float = 0.15, late_days: float = 0.5) -> BacktestHistory:
    """Return rows whose share of yes goes up and down by `rate`; labels come `late_days` after their night's begin."""
    count = HISTORY + WALKED
    chance, places = np.random.default_rng(3), np.repeat(np.arange(count), A_NIGHT)
    shares = 0.5 + 2 * rate * np.sin(np.arange(count) / 6)
    known = [datetime.combine(night(each), time(), UTC) + timedelta(days=late_days) for each in range(count)]
    return BacktestHistory(
        nights=np.array([str(night(each)) for each in places], object),
        labels=(chance.random(len(places)) < shares[places]).astype(np.float64),
        known_at=np.array([each.replace(tzinfo=None) for each in known], "datetime64[ns]")[places],
    )


def scene(
    rows: BacktestHistory, *, gate: bool = False, refit: Refit | None = REFIT, adoption: Adoption | None = None
) -> BacktestContext:
    """Return the nights after the history."""
    period = Period(night(HISTORY), night(HISTORY + WALKED - 1))
    declared = replace(case(), refit=refit, adoption=adoption)
    return BacktestContext(case=declared, history=rows, period=period, use_gate=gate)


def played(
    policy: Policy, on: BacktestContext, grown: dict[TrainingId, TrainingResult] | None = None
) -> tuple[PolicyRun, dict[TrainingId, TrainingResult]]:
    """Return the whole walk of a policy, and the trainings that it came to need, beside those that were there."""
    grown = dict(grown or {})
    walk, missing = simulation.advance(simulation.start(policy, on), on, grown)
    while missing:
        grown |= {each: trained(on.history, each) for each in missing}
        walk, missing = simulation.advance(simulation.start(policy, on), on, grown)
    return walk, grown


def trained(rows: BacktestHistory, training: TrainingId) -> TrainedModel:
    """Return a model that learned from the five nights before those that are held out."""
    until, used = (str(training.night - timedelta(days=back)) for back in (training.held_out + 1, 1))
    seen = rows.labels[rows.rows(training.night - timedelta(days=training.held_out + 5), until)]
    later = rows.nights > until
    share = float(np.clip(seen.mean(), 0.05, 0.95))
    return TrainedModel(
        training=training,
        learned_until=until,
        used_until=used,
        rows=len(seen),
        loss=0.69,
        target=TARGET,
        scores=np.where(later, share + 0.001 * np.arange(len(later)) / len(later), np.nan),
        baselines={"prior": np.where(later, 0.5, np.nan)},
    )
