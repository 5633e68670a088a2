"""Rows and answers as two models would give them, of which some are at fault."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml.arrays import Booleans, Floats
from ml.rollout import canary
from ml.rollout.canary import CanaryObservations, CanaryVerdict, ComparedRows, PairedScores, Responses
from ml.scoring.logistic import probability
from ml.targets import Target, binary
from ml.usecase import Canary, Cost, Experiment, Milliseconds

TARGET: Target = binary.Target(cost=Cost(act=250, miss=1800, averted=0.4), prior=0.3)
BUDGET = Milliseconds(p99=10)
RULE, _SHADOW = Canary(), 1000


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What is wrong with a canary: shares of its answers, a shift of its log-odds, or its scores as something else."""

    erring: float = 0.0
    slow: float = 0.0
    all_slow: float = 0.0
    shift: float = 0.0
    constant: bool = False
    scrambled: bool = False
    noise: float = 0.2


def seen(
    faults: Faults = Faults(), *, seed: int = 0, rows: int = 8000, share: float = 0.25, **changes: Any
) -> CanaryObservations:
    """Return what is seen of a canary with `faults` beside a champion without, over nights of 400 rows."""
    chance = np.random.default_rng(seed)
    truth = chance.normal(-1, 1, rows + _SHADOW)
    champion = truth + chance.normal(0, 0.2, len(truth))
    canary = truth + chance.normal(0, faults.noise, len(truth))
    labels = (chance.random(rows) < probability(truth[_SHADOW:])).astype(np.float64)
    ours, stalled = chance.random(rows) < share, chance.random(rows) < faults.all_slow
    answered = ComparedRows(
        scores=PairedScores(champion=probability(champion[_SHADOW:]), canary=_spoilt(canary[_SHADOW:], faults, chance)),
        labels=labels,
        nights=np.array([f"2020-01-{1 + row // 400:02d}" for row in range(rows)], object),
        served_by_canary=ours,
    )
    parts: dict[str, Any] = {
        "share": share,
        "share_started_at": 0.0,
        "canary": _answers(ours, stalled | (chance.random(rows) < faults.slow), chance.random(rows) < faults.erring),
        "champion": _answers(~ours, stalled, np.zeros(rows, bool)),
        "rows": answered,
        "shadow": PairedScores(champion=probability(champion[:_SHADOW]), canary=probability(canary[:_SHADOW])),
    }
    return CanaryObservations(**(parts | changes))


def judge(given: CanaryObservations, rule: Canary | Experiment = RULE, target: Target = TARGET) -> CanaryVerdict:
    return canary.judge(given, rule, target=target, budget=BUDGET, matured_share=0.95)


def until(given: CanaryObservations, row: int) -> CanaryObservations:
    """Return what was seen until just before the row `row` was asked."""
    rows, scores = given.rows, given.rows.scores
    return replace(
        given,
        canary=_before(given.canary, row),
        champion=_before(given.champion, row),
        rows=ComparedRows(
            scores=PairedScores(champion=scores.champion[:row], canary=scores.canary[:row]),
            labels=rows.labels[:row],
            nights=rows.nights[:row],
            served_by_canary=rows.served_by_canary[:row],
        ),
    )


def _before(answers: Responses, row: int) -> Responses:
    early = answers.timestamps < row
    return Responses(
        timestamps=answers.timestamps[early], latency_ms=answers.latency_ms[early], is_fault=answers.is_fault[early]
    )


def _answers(who: Booleans, slow: Booleans, faulty: Booleans) -> Responses:
    return Responses(
        timestamps=np.flatnonzero(who).astype(np.float64),
        latency_ms=np.where(slow[who], 40.0, 2.0),
        is_fault=faulty[who],
    )


def _spoilt(log_odds: Floats, faults: Faults, chance: np.random.Generator) -> Floats:
    if faults.constant:
        return np.full(len(log_odds), 0.27)
    return probability(chance.permutation(log_odds) if faults.scrambled else log_odds + faults.shift)
