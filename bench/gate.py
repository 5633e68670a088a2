"""The gate's operating curve: how often `promotion.judge` lets a model in, by how much better or worse it truly is.

Real matured rows of a year of flights, real models. Before each quarter some models of one recipe learn from nights drawn
with replacement: any two of them are exchangeable, so that one judged against another has no true gain (A/A). A true gain
is planted by moving one of them towards a model that has seen the quarter, as far as makes the mean gain over the whole
quarter that large. A trial judges such a pair on consecutive nights of the quarter, as the gate would.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

USE_CASE, YEAR = "flights", "2013-01-01..2013-12-31"
QUARTERS = (("2013-04", "2013-06"), ("2013-07", "2013-09"), ("2013-10", "2013-12"))
MODELS, LENGTHS = 8, (7, 14, 28)
GAINS = (-0.02, -0.01, -0.005, 0.0, 0.0025, 0.005, 0.01, 0.02, 0.04)
MOST_FALSE_PROMOTIONS = 0.05
_TRIALS, _TRIALS_WHERE_NONE_MAY_PASS = 150, 600
_SEED, _DEVIATIONS = 20131, 1.96


@dataclass(frozen=True, kw_only=True)
class Quarter:
    """A quarter's rows: labels, nights and slices, each (n,); log-odds of exchangeable `models`, shape (models, n), and of
    a model that has seen the quarter, shape (n,).
    """

    labels: Any
    nights: Any
    levels: dict[str, Any]
    models: Any
    hindsight: Any


def run() -> dict[str, Any]:
    """Return the share of each outcome by bar, number of judged nights and planted gain, and the false promotions."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["RATCHET_HOME"] = home
        quarters = list(_quarters())
    curve = [
        _judged(quarters, bar, length, gain) for bar in ("change", "refresh") for length in LENGTHS for gain in GAINS
    ]
    _show(curve)
    return {"most_false_promotions": MOST_FALSE_PROMOTIONS, "false_promotions": _false(curve), "curve": curve}


def _quarters() -> Iterator[Quarter]:
    from include import settings, usecases
    from include.steps import features, ingest, training_set
    from include.stores import snapshot, warehouse
    from ml import nights

    case, where = usecases.get(USE_CASE), settings.load()
    warehouse.migrate(where.warehouse_url)
    ingest.ingest(USE_CASE, YEAR)
    features.build(USE_CASE, YEAR)
    rows = training_set.read(case, nights.parse(YEAR).last, snapshot.take(case, where), where)
    months = np.array([night[:7] for night in rows.nights], object)
    for first, last in QUARTERS:
        here = (months >= first) & (months <= last)
        before, judged, chance = rows.where(months < first), rows.where(here), np.random.default_rng(_SEED)
        models = [_log_odds(case, _drawn(before, chance), judged.frame, seed, where.threads) for seed in range(MODELS)]
        yield Quarter(
            labels=judged.labels,
            nights=judged.nights,
            levels={each.by: judged.frame[each.by].astype(str).to_numpy(object) for each in case.slices},
            models=np.array(models),
            hindsight=_log_odds(case, rows.where(months <= last), judged.frame, 0, where.threads),
        )


def _drawn(rows: Any, chance: Any) -> Any:
    """Return the rows of as many nights as there are, drawn with replacement."""
    nights, place = np.unique(rows.nights, return_inverse=True)
    of_night = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])
    at = np.concatenate([of_night[each] for each in chance.integers(0, len(nights), len(nights))])
    return type(rows)(frame=rows.frame.iloc[at], labels=rows.labels[at], nights=rows.nights[at])


def _log_odds(case: Any, learned: Any, frame: Any, seed: int, threads: int) -> Any:
    """Return what the use case's last candidate, fitted as in training, says of `frame`."""
    from ml import encoding, learners

    encoder = encoding.fit(learned.frame, case.feature_names, case.texts)
    encoded = encoder.encode(learned.frame)
    learner = learners.fit(case.candidates[-1], encoder, encoded, learned.labels, seed, threads)
    return learner.log_odds(encoder.encode(frame))


def _judged(quarters: list[Quarter], bar: str, length: int, gain: float) -> dict[str, Any]:
    """Return the share of outcomes over many trials of one true gain."""
    from include import usecases
    from ml import evaluation, promotion

    case, chance = usecases.get(USE_CASE), np.random.default_rng(_SEED)
    trials = _TRIALS_WHERE_NONE_MAY_PASS if gain <= 0 else _TRIALS
    outcomes = dict.fromkeys(map(str, promotion.Outcome), 0)
    for _ in range(trials):
        quarter = quarters[chance.integers(len(quarters))]
        champion, challenger = quarter.models[chance.choice(MODELS, 2, replace=False)]
        if gain > 0:
            challenger = _moved(quarter, challenger, gain)
        elif gain < 0:
            champion = _moved(quarter, champion, -gain)
        nights = np.unique(quarter.nights)
        begin = chance.integers(len(nights) - length + 1)
        window = np.isin(quarter.nights, nights[begin : begin + length])
        rows = promotion.Judged(
            labels=quarter.labels[window],
            champion=_probability(champion[window]),
            challenger=_probability(challenger[window]),
            nights=quarter.nights[window],
            slices=evaluation.slices(case.slices, {by: each[window] for by, each in quarter.levels.items()}),
        )
        outcomes[promotion.judge(rows, case.gates, promotion.Bar(bar), case.cost).outcome] += 1
    shares = {name: round(count / trials, 4) for name, count in outcomes.items() if count}
    return {"bar": bar, "nights": length, "gain": gain, "trials": trials, **shares}


def _moved(quarter: Quarter, log_odds: Any, gain: float) -> Any:
    """Return `log_odds` moved towards hindsight until the log loss over the quarter is lower by `gain`."""
    from ml import metrics

    def loss(share: float) -> float:
        return metrics.log_loss(quarter.labels, _probability((1 - share) * log_odds + share * quarter.hindsight))

    wanted, low, high = loss(0.0) - gain, 0.0, 1.0
    assert loss(high) < wanted, f"hindsight is not better by {gain}"
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if loss(middle) < wanted else (middle, high)
    return (1 - high) * log_odds + high * quarter.hindsight


def _probability(log_odds: Any) -> Any:
    return 1 / (1 + np.exp(-log_odds))


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


def _show(curve: list[dict[str, Any]]) -> None:
    table = Table(title="the gate's operating curve: share promoted by true gain in log loss", title_justify="left")
    for heading in ("bar", "nights", *(f"{gain:+g}" for gain in GAINS)):
        table.add_column(heading)
    for bar in ("change", "refresh"):
        for length in LENGTHS:
            shares = [each.get("promote", 0.0) for each in curve if (each["bar"], each["nights"]) == (bar, length)]
            table.add_row(bar, str(length), *(f"{share:.1%}" for share in shares))
    Console().print(table)
