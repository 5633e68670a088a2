"""The gate's operating curve: how often `promotion.judge` lets a model in, by how much better or worse it truly is.

Real matured rows of a year of flights, real models. Before each quarter some models of one recipe learn from nights drawn
with replacement, and two of them meet. One of the two is moved towards a model that has seen the quarter, until the
challenger's mean gain over the whole quarter is exactly the one that is asked about, 0 among others. A trial judges the
pair on consecutive nights of the quarter, as the gate would.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import homes

USE_CASE, YEAR = "flights", "2013-01-01..2013-12-31"
QUARTERS = (("2013-04", "2013-06"), ("2013-07", "2013-09"), ("2013-10", "2013-12"))
BARS, MODELS, LENGTHS = ("change", "refresh"), 6, (7, 14, 28)
GAINS = (-0.02, -0.01, -0.005, 0.0, 0.0025, 0.005, 0.01, 0.02, 0.04)
MOST_FALSE_PROMOTIONS = 0.05
_TRIALS, _TRIALS_WHERE_NONE_MAY_PASS = 150, 600
_SEED, _DEVIATIONS = 20131, 1.96
_PAGE = Path(__file__).parent.parent / "docs/concepts/gate.md"


@dataclass(frozen=True, kw_only=True)
class Quarter:
    """A quarter's rows by night: labels, nights and slices, each (n,); where each night `ends`, beginning with 0; raw answers
    of exchangeable `models`, shape (models, n), and of a model that has seen the quarter, shape (n,).
    """

    case: Any
    target: Any
    labels: Any
    nights: Any
    ends: Any
    levels: dict[str, Any]
    models: Any
    hindsight: Any


def run() -> dict[str, Any]:
    """Return the share of each outcome by bar, number of judged nights and planted gain, and the false promotions."""
    measured = measure(lambda case: case, GAINS)
    publish(measured, "gate", GAINS)
    return measured


def measure(asked: Callable[[Any], Any], gains: tuple[float, ...]) -> dict[str, Any]:
    """Return the curve of the use case as it is `asked`, for these true gains."""
    with homes.temporary():
        quarters = list(_quarters(asked))
    curve = [_judged(quarters, bar, length, gain) for bar in BARS for length in LENGTHS for gain in gains]
    return {"most_false_promotions": MOST_FALSE_PROMOTIONS, "false_promotions": _false(curve), "curve": curve}


def publish(measured: dict[str, Any], bench: str, gains: tuple[float, ...]) -> None:
    """Write the curve into docs/concepts/gate.md, between the marks of the `bench`."""
    begin, end = f"<!-- operating curve: written by `python -m bench {bench}` -->", "<!-- /operating curve -->"
    mark = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    text = f"{begin}\n{_table(measured, gains)}\n{end}"
    _PAGE.write_text(mark.sub(lambda _: text, _PAGE.read_text()))


def _quarters(asked: Callable[[Any], Any]) -> Iterator[Quarter]:
    from ml import targets
    from ml.usecase import GradientBoosting

    case, settings = homes.taken(USE_CASE, YEAR)
    case = asked(case)
    rows = homes.labelled(case, settings, YEAR)
    trees = next(each for each in case.candidates if isinstance(each, GradientBoosting))
    months = np.array([night[:7] for night in rows.nights], object)
    for first, last in QUARTERS:
        here = (months >= first) & (months <= last)
        before, judged, chance = rows.select(months < first), rows.select(here), np.random.default_rng(_SEED)
        target = targets.from_labels(case, before.labels)
        models = [
            raw(case, trees, drawn(before, chance), judged.frame, seed, settings.threads, target)
            for seed in range(MODELS)
        ]
        yield Quarter(
            case=case,
            target=target,
            labels=judged.labels,
            nights=judged.nights,
            ends=np.append(0, np.cumsum(np.unique(judged.nights, return_counts=True)[1])),
            levels={each.feature: judged.frame[each.feature].astype(str).to_numpy(object) for each in case.slices},
            models=np.array(models),
            hindsight=raw(
                case,
                replace(trees, leaves=127, rows_per_leaf=20, random_splits=False),
                judged,
                judged.frame,
                0,
                settings.threads,
                target,
            ),
        )


def drawn(rows: Any, chance: Any) -> Any:
    """Return the rows of as many nights as there are, drawn with replacement."""
    nights, place = np.unique(rows.nights, return_inverse=True)
    of_night = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])
    at = np.concatenate([of_night[each] for each in chance.integers(0, len(nights), len(nights))])
    return type(rows)(frame=rows.frame.iloc[at], labels=rows.labels[at], nights=rows.nights[at])


def raw(case: Any, candidate: Any, learned: Any, frame: Any, seed: int, threads: int, target: Any) -> Any:
    """Return what `candidate`, fitted as in training, says of `frame`."""
    from ml.training import encoding, learners

    encoder = encoding.fit(learned.frame, case.feature_names, case.texts)
    encoded = encoder.encode(learned.frame)
    learner = learners.fit(candidate, encoder, encoded, learned.labels, seed, threads, quantile=target.quantile)
    return learner.raw(encoder.encode(frame))


def _judged(quarters: list[Quarter], bar: str, length: int, gain: float) -> dict[str, Any]:
    """Return the share of outcomes over many trials of one true gain."""
    from ml.promotion import gate
    from ml.statistics import intervals

    chance = np.random.default_rng(_SEED)
    trials = _TRIALS_WHERE_NONE_MAY_PASS if gain <= 0 else _TRIALS
    pairs: dict[tuple[int, int, int], tuple[Any, Any]] = {}
    outcomes = dict.fromkeys(map(str, gate.Outcome), 0)
    for _ in range(trials):
        which, (one, other) = int(chance.integers(len(quarters))), chance.choice(MODELS, 2, replace=False)
        quarter, pair = quarters[which], (which, int(one), int(other))
        if pair not in pairs:
            pairs[pair] = _apart(quarter, quarter.models[one], quarter.models[other], gain)
        champion, challenger = pairs[pair]
        begin = chance.integers(len(quarter.ends) - length)
        rows = slice(quarter.ends[begin], quarter.ends[begin + length])
        judged = gate.HoldoutScores(
            labels=quarter.labels[rows],
            champion=quarter.target.uncorrected_scores(champion[rows]),
            challenger=quarter.target.uncorrected_scores(challenger[rows]),
            nights=quarter.nights[rows],
            slices=intervals.slice_masks(quarter.case.slices, {by: each[rows] for by, each in quarter.levels.items()}),
        )
        verdict = gate.judge(judged, quarter.case.gates, gate.GateRule(bar), quarter.target)
        outcomes[verdict.outcome] += 1
    shares = {name: round(count / trials, 4) for name, count in outcomes.items() if count}
    found = {"bar": bar, "nights": length, "gain": gain, "trials": trials, **shares}
    print(found, flush=True)
    return found


def _apart(quarter: Quarter, champion: Any, challenger: Any, gain: float) -> tuple[Any, Any]:
    """Return the log-odds of both, one of them moved so that the challenger gains exactly `gain` over the quarter."""
    wanted = _loss(quarter, champion) - gain
    if _loss(quarter, challenger) > wanted:
        return champion, _moved(quarter, challenger, wanted)
    return _moved(quarter, champion, _loss(quarter, challenger) + gain), challenger


def _moved(quarter: Quarter, raw: Any, wanted: float) -> Any:
    """Return `raw` moved towards hindsight until what it loses over the quarter is what is wanted."""
    low, high = 0.0, 1.0
    assert _loss(quarter, quarter.hindsight) < wanted, f"hindsight does not reach {wanted}"
    while high - low > 1e-4:
        middle = (low + high) / 2
        better = _loss(quarter, (1 - middle) * raw + middle * quarter.hindsight) < wanted
        low, high = (low, middle) if better else (middle, high)
    return (1 - high) * raw + high * quarter.hindsight


def _loss(quarter: Quarter, raw: Any) -> float:
    return float(quarter.target.row_loss(quarter.labels, quarter.target.uncorrected_scores(raw)).mean())


def _false(curve: list[dict[str, Any]]) -> dict[str, Any]:
    """Return, for each bar and length, the share promoted of what must not be, with the error of so many trials.

    A change must be truly better: no gain at all is the hardest case. A refresh may be worse within its margin.
    """
    from include import usecases

    hardest = {"change": 0.0, "refresh": -usecases.get(USE_CASE).gates.refresh_margin}
    found = {}
    for each in curve:
        if each["gain"] == hardest[each["bar"]]:
            share = each.get("promote", 0.0)
            error = _DEVIATIONS * (share * (1 - share) / each["trials"]) ** 0.5
            found[f"{each['bar']}, {each['nights']} nights"] = {"share": share, "within": round(error, 4)}
    return found


def _table(measured: dict[str, Any], gains: tuple[float, ...]) -> str:
    """Return the curve as Markdown: a row for each bar and number of nights."""
    rows = [f"| bar | nights | {' | '.join(f'{gain:+g}' for gain in gains)} |", "|---" * (2 + len(gains)) + "|"]
    for bar in BARS:
        for length in LENGTHS:
            found = [each for each in measured["curve"] if (each["bar"], each["nights"]) == (bar, length)]
            shares = [f"{each.get('promote', 0):.1%}" for each in found]
            rows.append(f"| {bar} | {length} | {' | '.join(shares)} |")
    undecided = [each for each in measured["curve"] if each["gain"] == 0.01 and each["bar"] == "change"]
    open_ = ", ".join(f"{each.get('inconclusive', 0):.0%} ({each['nights']} nights)" for each in undecided)
    most = max(each["share"] for each in measured["false_promotions"].values())
    told = f"False promotions: {most:.1%} at most. A change that gains .01 is left undecided in {open_} of the trials."
    return "\n".join([*rows, "", told])
