"""The judge of a canary: how often it rolls back an equal, and how soon a challenger with a fault, by the fault's size.

Rows are real: a year's flights, matured, scored by models of one recipe that learned from other nights of the past, drawn
with replacement; two of them are champion and challenger. A trial begins on some night: two nights as a shadow, then two
weeks in which the challenger answers a quarter of the requests. The judge is asked about the whole, which is what asking
after every answer comes to: what was shown once stays shown. Faults are put in; times of answers are made up, with moments
in which both models are slow. Rows that are made up, independent of each other, stand beside.
"""

import re
from collections import Counter, defaultdict
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
_PAGE = Path(__file__).parent.parent / "docs/concepts/releases.md"
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
    """What is wrong with a challenger: shares of its answers, or what is done to its log-odds.

    `dealt`: each night chance says which of the two models is the challenger, so that neither is better on average.
    """

    name: str
    dealt: bool = False
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


EQUAL = Fault(name="equal on average", dealt=True)
ANOTHER = Fault(name="another model of the recipe")
AT_THE_MARGINS = Fault(
    name="equal on average, erring and slow by the whole margins", dealt=True, erring=0.01, slow=0.01
)
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
            _told(ANOTHER, real, "real", _EQUALS),
        ],
        "faults": [_told(fault, real, "real", _TRIALS) for fault in FAULTS],
        "experiments": [_contested(real, noise, _TRIALS) for noise in (0.0, 1.0, 2.0)],
    }
    publish(measured)
    return measured


def publish(measured: dict[str, Any]) -> None:
    """Write the tables into docs/concepts/releases.md."""
    text = f"{_BEGIN}\n{_tables(measured)}\n{_END}"
    _PAGE.write_text(_MARK.sub(lambda _: text, _PAGE.read_text()))


def _real() -> list[Stretch]:
    from ml import targets
    from ml.usecase import GradientBoosting

    case, settings = homes.taken(USE_CASE, YEAR)
    rows = homes.labelled(case, settings, YEAR)
    trees = replace(next(each for each in case.candidates if isinstance(each, GradientBoosting)), trees=TREES)
    months, found = np.array([night[:7] for night in rows.nights], object), []
    for first, last in QUARTERS:
        before, judged = rows.select(months < first), rows.select((months >= first) & (months <= last))
        chance, target = np.random.default_rng(_SEED), targets.from_labels(case, before.labels)
        models = [
            gate.raw(case, trees, gate.drawn(before, chance), judged.frame, seed, settings.threads, target)
            for seed in range(MODELS)
        ]
        found.append(_stretch(judged.labels, judged.nights, np.array(models)))
    return found


def _made_up(seed: int, nights: int = 30, rows: int = 900) -> Stretch:
    """Return rows that are independent of each other, and models that are each as wrong as the others."""
    from ml.statistics.logistic import probability

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
    from ml.promotion.gate import CheckStatus
    from ml.usecase import Canary

    rule, chance = Canary(shares=(SHARE, 1.0), min_requests=(500, 1000)), np.random.default_rng(_SEED)
    outcomes: Counter[str] = Counter()
    shown: dict[tuple[str, str], list[int]] = defaultdict(list)
    for _ in range(trials):
        verdict = _judge(_seen(fault, stretches, chance), rule)
        outcomes[str(verdict.outcome)] += 1
        for check in verdict.checks:
            if check.status is CheckStatus.FAIL:
                shown[check.name, check.unit.split()[0]].append(check.failed_after)
    found = {
        "fault": fault.name,
        "rows": of,
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
            for (name, unit), after in sorted(shown.items(), key=lambda each: -len(each[1]))
        ],
    }
    print(found, flush=True)
    return found


def _judge(seen: Any, rule: Any) -> Any:
    from include import usecases
    from ml import targets
    from ml.rollout import canary

    case = usecases.get(USE_CASE)
    target = targets.from_labels(case, seen.rows.labels)
    return canary.judge(seen, rule, target=target, budget=case.latency_budget, matured_share=case.matured_share)


def _contested(stretches: list[Stretch], noise: float, trials: int) -> dict[str, Any]:
    """Return how often an experiment lets in a challenger that is as good as the champion was before noise spoilt it."""
    from ml.rollout.canary import CanaryOutcome, PairedScores
    from ml.usecase import Experiment

    chance, entered = np.random.default_rng(_SEED), 0
    spoilt = _noisy(noise).spoil
    for _ in range(trials):
        seen = _seen(ANOTHER, stretches, chance, share=0.5)
        scores = seen.rows.scores
        log_odds = np.log(scores.champion / (1 - scores.champion))
        worse = PairedScores(champion=1 / (1 + np.exp(-spoilt(log_odds, chance))), canary=scores.canary)
        verdict = _judge(replace(seen, rows=replace(seen.rows, scores=worse)), Experiment(nights=NIGHTS))
        entered += verdict.outcome is CanaryOutcome.ADVANCE
    found = {"champion_noise": noise, "trials": trials, "let_in": round(entered / trials, 4)}
    print(found, flush=True)
    return found


def _within(after: list[int], trials: int, share: float) -> int | None:
    """Return the number within which `share` of all the trials was shown; None where fewer were."""
    place = int(np.ceil(share * trials)) - 1
    return int(sorted(after)[place]) if place < len(after) else None


def _tables(measured: dict[str, Any]) -> str:
    """Return the tables as Markdown: equals, then faults by size, then experiments."""
    lines = ["| an equal challenger | trials | rolled back | given the next share |", "|---|---|---|---|"]
    for each in measured["equals"]:
        told = f"{each['fault']}, {each['rows']} rows"
        lines.append(f"| {told} | {each['trials']} | {_share(each, 'worse')} | {_share(each, 'enough')} |")
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
    lines += ["", f"| an experiment of {NIGHTS} nights: the champion is | let in |", "|---|---|"]
    for each in measured["experiments"]:
        champion = f"spoilt by noise of {each['champion_noise']:g} in log-odds" if each["champion_noise"] else "equal"
        lines.append(f"| {champion} | {each['let_in']:.0%} |")
    return "\n".join(lines)


def _share(found: dict[str, Any], outcome: str) -> str:
    return f"{found['outcomes'].get(outcome, 0):.1%}"


def _number(shown: dict[str, Any] | None, key: str) -> str:
    return "–" if shown is None or shown[key] is None else f"{shown[key]:,} {shown['of']}"


def _seen(fault: Fault, stretches: list[Stretch], chance: Any, share: float = SHARE) -> Any:
    """Return two weeks of a canary, after two nights as a shadow, beginning on a night that chance chooses."""
    from ml.rollout.canary import CanaryObservations, ComparedRows, PairedScores
    from ml.statistics.logistic import probability

    where = stretches[chance.integers(len(stretches))]
    champion, canary = (where.models[each] for each in chance.choice(len(where.models), 2, replace=False))
    begin = chance.integers(len(where.ends) - SHADOW_NIGHTS - NIGHTS)
    ends = where.ends[[begin, begin + SHADOW_NIGHTS, begin + SHADOW_NIGHTS + NIGHTS]]
    if fault.dealt:
        names, night = np.unique(where.nights, return_inverse=True)
        other = (chance.random(len(names)) < 0.5)[night]
        champion, canary = np.where(other, canary, champion), np.where(other, champion, canary)
    before, during = slice(*ends[:2]), slice(*ends[1:])
    number = int(ends[2] - ends[1])
    ours, stalled = chance.random(number) < share, _stalls(number, chance)
    return CanaryObservations(
        share=share,
        share_started_at=0.0,
        canary=_answers(ours, stalled | (chance.random(number) < fault.slow), fault.erring, chance),
        champion=_answers(~ours, stalled, 0.0, chance),
        shadow=PairedScores(champion=probability(champion[before]), canary=probability(canary[before])),
        rows=ComparedRows(
            scores=PairedScores(
                champion=probability(champion[during]), canary=probability(fault.spoil(canary[during], chance))
            ),
            labels=where.labels[during],
            nights=where.nights[during],
            served_by_canary=ours,
        ),
    )


def _stalls(number: int, chance: Any) -> Any:
    """Return which requests came while the machine was busy with something else: one in a hundred, fifty in a row."""
    busy = np.zeros(number, bool)
    for begin in chance.integers(0, number, number // 5000 or 1):
        busy[begin : begin + 50] = True
    return busy


def _answers(who: Any, slow: Any, erring: float, chance: Any) -> Any:
    from ml.rollout.canary import Responses

    usual = chance.lognormal(0.7, 0.5, len(who))
    return Responses(
        timestamps=np.flatnonzero(who).astype(float),
        latency_ms=np.where(slow, 40.0, usual)[who],
        is_fault=(chance.random(len(who)) < erring)[who],
    )
