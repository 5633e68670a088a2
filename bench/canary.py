"""The judge of a canary: how often it rolls back an equal, and how soon a challenger with a fault, by the fault's size.

Rows are real: a year's flights, matured, scored by models of one recipe that learned from other nights of the past, drawn
with replacement; two of them are champion and challenger. A trial begins on some night: two nights as a shadow, then two
weeks in which the challenger answers a quarter of the requests. The judge is asked about the whole, which is what asking
after every answer comes to: what was shown once stays shown. Faults are put in; times of answers are made up, with moments
in which both models are slow. Rows that are made up, independent of each other, stand beside.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import gate, homes

USE_CASE, YEAR = "flights", "2013-01-01..2013-12-31"
QUARTERS = (("2013-04", "2013-06"), ("2013-10", "2013-12"))
MODELS, TREES = 3, 80
SHARE, SHADOW_NIGHTS, NIGHTS = 0.25, 2, 14
_EQUALS, _TRIALS, _SEED = 400, 60, 20137
_PAGE = Path(__file__).parent.parent / "docs/release.md"
_BEGIN, _END = (
    "<!-- operating characteristics: written by `python -m bench canary` -->",
    "<!-- /operating characteristics -->",
)
_MARK = re.compile(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Consecutive nights: labels and nights, (n,), where each night `ends`, and log-odds of `models`, (models, n)."""

    labels: Any
    nights: Any
    ends: Any
    models: Any


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a challenger: shares of its answers, or what is done to its log-odds."""

    name: str
    erring: float = 0.0
    slow: float = 0.0
    spoil: Callable[[Any, Any], Any] = lambda log_odds, _: log_odds


def _shifted(by: float) -> Fault:
    return Fault(name=f"log-odds moved by {by:+g}", spoil=lambda log_odds, _: log_odds + by)


def _noisy(by: float) -> Fault:
    return Fault(
        name=f"noise of {by:g} in log-odds",
        spoil=lambda log_odds, chance: log_odds + chance.normal(0, by, len(log_odds)),
    )


EQUAL = Fault(name="equal")
AT_THE_MARGINS = Fault(name="erring and slow by the whole margins", erring=0.01, slow=0.01)
FAULTS = (
    *(Fault(name=f"erring {share:.0%}", erring=share) for share in (0.02, 0.05, 0.2, 1.0)),
    *(Fault(name=f"slow {share:.0%}", slow=share) for share in (0.02, 0.05, 0.2, 1.0)),
    *map(_shifted, (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0)),
    *map(_noisy, (0.5, 1.0, 2.0)),
    Fault(name="constant", spoil=lambda log_odds, _: np.full(len(log_odds), log_odds.mean())),
    Fault(name="scrambled", spoil=lambda log_odds, chance: chance.permutation(log_odds)),
)  # fmt: skip


def run() -> dict[str, Any]:
    """Return, for each fault, how often it was rolled back and by what, and after how many observations."""
    with homes.temporary():
        real = _real()
    made_up = [_made_up(seed) for seed in range(4)]
    measured = {
        "equals": [
            _told(EQUAL, real, "real", _EQUALS),
            _told(EQUAL, made_up, "made up", _EQUALS),
            _told(AT_THE_MARGINS, real, "real", _EQUALS),
        ],
        "faults": [_told(fault, real, "real", _TRIALS) for fault in FAULTS],
        "experiments": [_contested(real, noise, _TRIALS) for noise in (0.0, 1.0, 2.0)],
    }
    publish(measured)
    return measured


def publish(measured: dict[str, Any]) -> None:
    """Write the tables into docs/release.md."""
    text = f"{_BEGIN}\n{_tables(measured)}\n{_END}"
    _PAGE.write_text(_MARK.sub(lambda _: text, _PAGE.read_text()))


def _real() -> list[Stretch]:
    from ml import targets
    from ml.usecase import GradientBoosting

    case, where = homes.taken(USE_CASE, YEAR)
    rows = homes.labelled(case, where, YEAR)
    trees = replace(next(each for each in case.candidates if isinstance(each, GradientBoosting)), trees=TREES)
    months, found = np.array([night[:7] for night in rows.nights], object), []
    for first, last in QUARTERS:
        before, judged = rows.where(months < first), rows.where((months >= first) & (months <= last))
        chance, target = np.random.default_rng(_SEED), targets.learned(case, before.labels)
        models = [
            gate.raw(case, trees, gate.drawn(before, chance), judged.frame, seed, where.threads, target)
            for seed in range(MODELS)
        ]
        found.append(_stretch(judged.labels, judged.nights, np.array(models)))
    return found


def _made_up(seed: int, nights: int = 30, rows: int = 900) -> Stretch:
    """Return rows that are independent of each other, and models that are each as wrong as the others."""
    from ml.calibration import probability

    chance = np.random.default_rng(seed)
    truth = chance.normal(-1, 0.8, nights * rows)
    labels = (chance.random(len(truth)) < probability(truth)).astype(float)
    names = np.repeat(np.array([f"{night:03d}" for night in range(nights)], object), rows)
    return _stretch(labels, names, truth + chance.normal(0, 0.2, (MODELS, len(truth))))


def _stretch(labels: Any, nights: Any, models: Any) -> Stretch:
    ends = np.append(0, np.cumsum(np.unique(nights, return_counts=True)[1]))
    return Stretch(labels=labels, nights=nights, ends=ends, models=models)


def _told(fault: Fault, stretches: list[Stretch], of: str, trials: int) -> dict[str, Any]:
    """Return what became of a challenger with `fault`, over many trials."""
    from include import usecases
    from ml import canary, targets
    from ml.promotion import Answer
    from ml.usecase import Canary

    case, rule, chance = (
        usecases.get(USE_CASE),
        Canary(shares=(SHARE, 1.0), least_answers=(500, 1000)),
        np.random.default_rng(_SEED),
    )
    target = targets.learned(case, stretches[0].labels)
    outcomes: dict[str, int] = {}
    shown: dict[str, list[float]] = {}
    for _ in range(trials):
        verdict = canary.judge(_seen(fault, stretches, chance), rule, target, case.latency_budget)
        outcomes[verdict.outcome] = outcomes.get(verdict.outcome, 0) + 1
        for check in verdict.checks:
            if check.answer is Answer.FAIL:
                shown.setdefault(check.name, []).append(check.shown_after or np.inf)
    found = {
        "fault": fault.name,
        "rows": of,
        "trials": trials,
        "outcomes": outcomes,
        "shown": {
            name: {
                "share": len(after) / trials,
                "median": _within(after, trials, 0.5),
                "within_95": _within(after, trials, 0.95),
            }
            for name, after in shown.items()
        },
    }
    print(found, flush=True)
    return found


def _within(after: list[float], trials: int, share: float) -> int | None:
    """Return the number within which `share` of all the trials was shown; None where fewer were."""
    place = int(np.ceil(share * trials)) - 1
    return int(sorted(after)[place]) if place < len(after) else None
