"""Operating characteristics of the canary's test: false rollbacks of equal challengers, and detection of faulty ones.

The rows are real: the matured flights of a year, scored by models of one recipe that were trained on nights drawn with
replacement. Two of these models are champion and challenger. A trial starts on a random night with two nights as a
shadow, followed by two weeks in which the challenger answers a quarter of the requests. The test is evaluated once on
the whole trial. This equals an evaluation after every answer, because a sequential test keeps a rejection. Faults are
injected, and latencies are simulated, with periods in which both models are slow. For comparison, some trials use
synthetic rows that are independent of each other.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import gate, workspace

USE_CASE, YEAR = "flights", "2013-01-01..2013-12-31"
QUARTERS = (("2013-04", "2013-06"), ("2013-10", "2013-12"))
MODELS, TREES = 3, 80
SHARE, SHADOW_NIGHTS, NIGHTS = 0.25, 2, 14
_EQUALS, _TRIALS, _SEED = 400, 60, 20137
_PAGE = Path(__file__).parent.parent / "docs/concepts/releases.md"
_BEGIN, _END = (
    "<!-- operating characteristics: written by `python -m bench canary` -->",
    "<!-- /operating characteristics -->",
)
_MARK = re.compile(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class ScoredNights:
    """Consecutive nights with n rows: `labels` and `nights` have shape (n,), `models` (log-odds) shape (models, n).

    `ends` are the end positions of the nights, with a leading 0.
    """

    labels: Any
    nights: Any
    ends: Any
    models: Any


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault of the challenger: shares of failed and of slow answers, and a change of its log-odds.

    With `swapped`, it is random for each night which of the two models is the challenger, so that neither is better on
    average.
    """

    name: str
    swapped: bool = False
    failing: float = 0.0
    slow: float = 0.0
    change: Callable[[Any, Any], Any] = lambda log_odds, _: log_odds


def _shifted(by: float) -> Fault:
    return Fault(name=f"log-odds moved by {by:+g}", change=lambda log_odds, _: log_odds + by)


def _noisy(by: float) -> Fault:
    return Fault(
        name=f"noise of {by:g} in log-odds",
        change=lambda log_odds, rng: log_odds + rng.normal(0, by, len(log_odds)),
    )


EQUAL = Fault(name="equal on average", swapped=True)
ANOTHER = Fault(name="another model of the recipe")
AT_THE_MARGINS = Fault(
    name="equal on average, erring and slow by the whole margins", swapped=True, failing=0.01, slow=0.01
)
FAULTS = (
    *(Fault(name=f"erring {share:.0%}", failing=share) for share in (0.02, 0.05, 0.2, 1.0)),
    *(Fault(name=f"slow {share:.0%}", slow=share) for share in (0.02, 0.05, 0.2, 1.0)),
    *map(_shifted, (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0)),
    *map(_noisy, (0.5, 1.0, 2.0)),
    Fault(name="constant", change=lambda log_odds, _: np.full(len(log_odds), log_odds.mean())),
    Fault(name="scrambled", change=lambda log_odds, rng: rng.permutation(log_odds)),
)  # fmt: skip


def run() -> dict[str, Any]:
    """Return, for each fault, the rollback rate, the checks that detected it, and the observations they needed."""
    with workspace.temporary():
        real = _real()
    synthetic = [_synthetic(seed) for seed in range(4)]
    measured = {
        "equals": [
            _run_trials(EQUAL, real, "real", _EQUALS),
            _run_trials(EQUAL, synthetic, "made up", _EQUALS),
            _run_trials(AT_THE_MARGINS, real, "real", _EQUALS),
            _run_trials(ANOTHER, real, "real", _EQUALS),
        ],
        "faults": [_run_trials(fault, real, "real", _TRIALS) for fault in FAULTS],
        "experiments": [_run_experiments(real, noise, _TRIALS) for noise in (0.0, 1.0, 2.0)],
    }
    publish(measured)
    return measured


def publish(measured: dict[str, Any]) -> None:
    """Write the tables into docs/concepts/releases.md."""
    text = f"{_BEGIN}\n{_tables(measured)}\n{_END}"
    _PAGE.write_text(_MARK.sub(lambda _: text, _PAGE.read_text()))


def _real() -> list[ScoredNights]:
    from ml import targets
    from ml.usecase import GradientBoosting

    case, settings = workspace.ingest(USE_CASE, YEAR)
    rows = workspace.training_rows(case, settings, YEAR)
    trees = replace(next(each for each in case.candidates if isinstance(each, GradientBoosting)), trees=TREES)
    months, quarters = np.array([night[:7] for night in rows.nights], object), []
    for first, last in QUARTERS:
        before, judged = rows.select(months < first), rows.select((months >= first) & (months <= last))
        rng, target = np.random.default_rng(_SEED), targets.from_labels(case, before.labels)
        models = [
            gate.predict_raw(case, trees, resample_nights(before, rng), judged.frame, seed, settings.threads, target)
            for seed in range(MODELS)
        ]
        quarters.append(_scored_nights(judged.labels, judged.nights, np.array(models)))
    return quarters


def _synthetic(seed: int, nights: int = 30, rows: int = 900) -> ScoredNights:
    """Return rows that are independent of each other, scored by models with equally large random errors."""
    from ml.scoring.logistic import probability

    rng = np.random.default_rng(seed)
    truth = rng.normal(-1, 0.8, nights * rows)
    labels = (rng.random(len(truth)) < probability(truth)).astype(float)
    names = np.repeat(np.array([f"{night:03d}" for night in range(nights)], object), rows)
    return _scored_nights(labels, names, truth + rng.normal(0, 0.2, (MODELS, len(truth))))


def _scored_nights(labels: Any, nights: Any, models: Any) -> ScoredNights:
    ends = np.append(0, np.cumsum(np.unique(nights, return_counts=True)[1]))
    return ScoredNights(labels=labels, nights=nights, ends=ends, models=models)


def _run_trials(fault: Fault, periods: list[ScoredNights], rows: str, trials: int) -> dict[str, Any]:
    """Return the outcomes of a challenger with `fault` over many trials, and the checks that failed."""
    from ml.promotion.gate import CheckStatus
    from ml.usecase import Canary

    rule, rng = Canary(shares=(SHARE, 1.0), min_requests=(500, 1000)), np.random.default_rng(_SEED)
    outcomes: Counter[str] = Counter()
    detected: dict[tuple[str, str], list[int]] = defaultdict(list)
    for _ in range(trials):
        verdict = _judge(_observe(fault, periods, rng), rule)
        outcomes[str(verdict.outcome)] += 1
        for check in verdict.checks:
            if check.status is CheckStatus.FAIL:
                detected[check.name, check.unit.split()[0]].append(check.failed_after)
    result = {
        "fault": fault.name,
        "rows": rows,
        "trials": trials,
        "outcomes": {name: round(count / trials, 4) for name, count in outcomes.items()},
        "shown": [
            {
                "check": name,
                "share": round(len(after) / trials, 4),
                "half_within": _within(after, trials, 0.5),
                "95_percent_within": _within(after, trials, 0.95),
                "of": unit,
            }
            for (name, unit), after in sorted(detected.items(), key=lambda each: -len(each[1]))
        ],
    }
    print(result, flush=True)
    return result


def _judge(observations: Any, rule: Any) -> Any:
    from include import usecases
    from ml import targets
    from ml.rollout import canary

    case = usecases.get(USE_CASE)
    target = targets.from_labels(case, observations.rows.labels)
    return canary.judge(observations, rule, target=target, budget=case.latency_budget, matured_share=case.matured_share)


def _run_experiments(periods: list[ScoredNights], noise: float, trials: int) -> dict[str, Any]:
    """Return how often an experiment releases a challenger when the champion is degraded by noise in its log-odds."""
    from ml.rollout.canary import CanaryOutcome, PairedScores
    from ml.usecase import Experiment

    rng, released = np.random.default_rng(_SEED), 0
    degrade = _noisy(noise).change
    for _ in range(trials):
        observations = _observe(ANOTHER, periods, rng, share=0.5)
        scores = observations.rows.scores
        log_odds = np.log(scores.champion / (1 - scores.champion))
        degraded = PairedScores(champion=1 / (1 + np.exp(-degrade(log_odds, rng))), canary=scores.canary)
        degraded_rows = replace(observations.rows, scores=degraded)
        verdict = _judge(replace(observations, rows=degraded_rows), Experiment(nights=NIGHTS))
        released += verdict.outcome is CanaryOutcome.ADVANCE
    result = {"champion_noise": noise, "trials": trials, "let_in": round(released / trials, 4)}
    print(result, flush=True)
    return result


def _within(after: list[int], trials: int, share: float) -> int | None:
    """Return the number of observations after which `share` of all trials detected the fault; None if fewer did."""
    index = int(np.ceil(share * trials)) - 1
    return int(sorted(after)[index]) if index < len(after) else None


def _tables(measured: dict[str, Any]) -> str:
    """Return the Markdown tables of equal challengers, of faults by size, and of experiments."""
    lines = ["| an equal challenger | trials | rolled back | given the next share |", "|---|---|---|---|"]
    for each in measured["equals"]:
        name = f"{each['fault']}, {each['rows']} rows"
        lines.append(f"| {name} | {each['trials']} | {_share(each, 'worse')} | {_share(each, 'enough')} |")
    lines += [
        "",
        "| fault | rolled back | shown by | in half of the trials within | in 95 % within |",
        "|---|---|---|---|---|",
    ]
    for each in measured["faults"]:
        first = each["shown"][0] if each["shown"] else None
        by = f"{first['check']} ({first['share']:.0%})" if first else "nothing"
        half, most = (_number(first, key) for key in ("half_within", "95_percent_within"))
        lines.append(f"| {each['fault']} | {_share(each, 'worse')} | {by} | {half} | {most} |")
    lines += ["", f"| an experiment of {NIGHTS} nights: the champion is | challenger released |", "|---|---|"]
    for each in measured["experiments"]:
        champion = f"spoilt by noise of {each['champion_noise']:g} in log-odds" if each["champion_noise"] else "equal"
        lines.append(f"| {champion} | {each['let_in']:.0%} |")
    return "\n".join(lines)


def _share(result: dict[str, Any], outcome: str) -> str:
    return f"{result['outcomes'].get(outcome, 0):.1%}"


def _number(detection: dict[str, Any] | None, key: str) -> str:
    return "–" if detection is None or detection[key] is None else f"{detection[key]:,} {detection['of']}"


def _observe(fault: Fault, periods: list[ScoredNights], rng: Any, share: float = SHARE) -> Any:
    """Return the observations of two shadow nights and two weeks of canary, starting on a random night."""
    from ml.rollout.canary import CanaryObservations, ComparedRows, PairedScores
    from ml.scoring.logistic import probability

    period = periods[rng.integers(len(periods))]
    champion, canary = (period.models[each] for each in rng.choice(len(period.models), 2, replace=False))
    begin = rng.integers(len(period.ends) - SHADOW_NIGHTS - NIGHTS)
    ends = period.ends[[begin, begin + SHADOW_NIGHTS, begin + SHADOW_NIGHTS + NIGHTS]]
    if fault.swapped:
        names, night = np.unique(period.nights, return_inverse=True)
        swap = (rng.random(len(names)) < 0.5)[night]
        champion, canary = np.where(swap, canary, champion), np.where(swap, champion, canary)
    before, during = slice(*ends[:2]), slice(*ends[1:])
    count = int(ends[2] - ends[1])
    by_canary, stalled = rng.random(count) < share, _stalls(count, rng)
    return CanaryObservations(
        share=share,
        share_started_at=0.0,
        canary=_responses(by_canary, stalled | (rng.random(count) < fault.slow), fault.failing, rng),
        champion=_responses(~by_canary, stalled, 0.0, rng),
        shadow=PairedScores(champion=probability(champion[before]), canary=probability(canary[before])),
        rows=ComparedRows(
            scores=PairedScores(
                champion=probability(champion[during]), canary=probability(fault.change(canary[during], rng))
            ),
            labels=period.labels[during],
            nights=period.nights[during],
            served_by_canary=by_canary,
        ),
    )


def _stalls(count: int, rng: Any) -> Any:
    """Return which requests came while the machine was busy: about one in a hundred, in runs of fifty."""
    busy = np.zeros(count, bool)
    for begin in rng.integers(0, count, count // 5000 or 1):
        busy[begin : begin + 50] = True
    return busy


def _responses(mask: Any, slow: Any, failing: float, rng: Any) -> Any:
    """Return the simulated responses to the requests in `mask`: 40 ms if slow, otherwise log-normal latencies."""
    from ml.rollout.canary import Responses

    latency_ms = rng.lognormal(0.7, 0.5, len(mask))
    return Responses(
        timestamps=np.flatnonzero(mask).astype(float),
        latency_ms=np.where(slow, 40.0, latency_ms)[mask],
        is_fault=(rng.random(len(mask)) < failing)[mask],
    )


def resample_nights(rows: Any, rng: Any) -> Any:
    """Return a bootstrap sample of whole nights, with as many nights as `rows` has."""
    nights, position = np.unique(rows.nights, return_inverse=True)
    rows_by_night = np.split(np.argsort(position, kind="stable"), np.cumsum(np.bincount(position))[:-1])
    sample = np.concatenate([rows_by_night[each] for each in rng.integers(0, len(nights), len(nights))])
    return type(rows)(frame=rows.frame.iloc[sample], labels=rows.labels[sample], nights=rows.nights[sample])
