"""The gate's operating curve: the share of challengers that `gate.judge` promotes, by their true gain.

It uses real matured rows of a year of flights, and real models. Before each quarter, several models of one recipe are
trained on nights drawn with replacement, and each trial compares two of them. One of the two is moved towards a model
that has seen the quarter, until the challenger's mean gain over the whole quarter equals the gain under test (which may
be 0). A trial judges the pair on consecutive nights of the quarter, as the gate would.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import workspace

USE_CASE, YEAR = "flights", "2013-01-01..2013-12-31"
QUARTERS = (("2013-04", "2013-06"), ("2013-07", "2013-09"), ("2013-10", "2013-12"))
BARS, MODELS, LENGTHS = ("change", "refresh"), 6, (7, 14, 28)
GAINS = (-0.02, -0.01, -0.005, 0.0, 0.0025, 0.005, 0.01, 0.02, 0.04)
MOST_FALSE_PROMOTIONS = 0.05
_TRIALS, _TRIALS_WITHOUT_GAIN = 150, 600
_SEED, _DEVIATIONS = 20131, 1.96
_PAGE = Path(__file__).parent.parent / "docs/concepts/gate.md"


@dataclass(frozen=True, kw_only=True)
class Quarter:
    """The n rows of a quarter, ordered by night.

    `labels`, `nights` and the values of `levels` (slice values by feature) have shape (n,). `ends` are the end
    positions of the nights, with a leading 0. `models` are raw predictions of exchangeable models, shape (models, n),
    and `hindsight` those of a model that has seen the quarter, shape (n,).
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
    """Return the share of each outcome by rule, number of judged nights and true gain, and the false promotions."""
    measured = measure(lambda case: case, GAINS)
    publish(measured, "gate", GAINS)
    return measured


def measure(adapt: Callable[[Any], Any], gains: tuple[float, ...]) -> dict[str, Any]:
    """Return the curve for these true gains, of the use case that `adapt` returns for the flights' use case."""
    with workspace.temporary():
        quarters = list(_quarters(adapt))
    curve = [_run_trials(quarters, bar, length, gain) for bar in BARS for length in LENGTHS for gain in gains]
    false_promotions = _false_promotions(curve)
    return {"most_false_promotions": MOST_FALSE_PROMOTIONS, "false_promotions": false_promotions, "curve": curve}


def publish(measured: dict[str, Any], bench: str, gains: tuple[float, ...]) -> None:
    """Write the curve into docs/concepts/gate.md, between the marks of the benchmark `bench`."""
    begin, end = f"<!-- operating curve: written by `python -m bench {bench}` -->", "<!-- /operating curve -->"
    mark = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    text = f"{begin}\n{_table(measured, gains)}\n{end}"
    _PAGE.write_text(mark.sub(lambda _: text, _PAGE.read_text()))


def _quarters(adapt: Callable[[Any], Any]) -> Iterator[Quarter]:
    from ml import targets
    from ml.usecase import GradientBoosting

    case, settings = workspace.ingest(USE_CASE, YEAR)
    case = adapt(case)
    rows = workspace.training_rows(case, settings, YEAR)
    trees = next(each for each in case.candidates if isinstance(each, GradientBoosting))
    months = np.array([night[:7] for night in rows.nights], object)
    for first, last in QUARTERS:
        in_quarter = (months >= first) & (months <= last)
        before, judged, rng = rows.select(months < first), rows.select(in_quarter), np.random.default_rng(_SEED)
        target = targets.from_labels(case, before.labels)
        models = [
            predict_raw(case, trees, resample_nights(before, rng), judged.frame, seed, settings.threads, target)
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
            hindsight=predict_raw(
                case,
                replace(trees, leaves=127, rows_per_leaf=20, random_splits=False),
                judged,
                judged.frame,
                0,
                settings.threads,
                target,
            ),
        )


def resample_nights(rows: Any, rng: Any) -> Any:
    """Return a bootstrap sample of whole nights, with as many nights as `rows` has."""
    nights, position = np.unique(rows.nights, return_inverse=True)
    rows_by_night = np.split(np.argsort(position, kind="stable"), np.cumsum(np.bincount(position))[:-1])
    sample = np.concatenate([rows_by_night[each] for each in rng.integers(0, len(nights), len(nights))])
    return type(rows)(frame=rows.frame.iloc[sample], labels=rows.labels[sample], nights=rows.nights[sample])


def predict_raw(case: Any, candidate: Any, training: Any, frame: Any, seed: int, threads: int, target: Any) -> Any:
    """Fit `candidate` on `training` without calibration, and return its raw predictions for `frame`."""
    from ml.training import encoding, learners

    encoder = encoding.fit(training.frame, case.feature_names, case.texts)
    encoded = encoder.encode(training.frame)
    learner = learners.fit(candidate, encoder, encoded, training.labels, seed, threads, quantile=target.quantile)
    return learner.raw(encoder.encode(frame))


def _run_trials(quarters: list[Quarter], bar: str, length: int, gain: float) -> dict[str, Any]:
    """Return the share of each outcome over many trials with one true gain."""
    from ml.promotion import gate
    from ml.statistics import intervals

    rng = np.random.default_rng(_SEED)
    trials = _TRIALS_WITHOUT_GAIN if gain <= 0 else _TRIALS
    pairs: dict[tuple[int, int, int], tuple[Any, Any]] = {}
    outcomes = dict.fromkeys(map(str, gate.Outcome), 0)
    for _ in range(trials):
        index, (one, other) = int(rng.integers(len(quarters))), rng.choice(MODELS, 2, replace=False)
        quarter, pair = quarters[index], (index, int(one), int(other))
        if pair not in pairs:
            pairs[pair] = _with_gain(quarter, quarter.models[one], quarter.models[other], gain)
        champion, challenger = pairs[pair]
        begin = rng.integers(len(quarter.ends) - length)
        rows = slice(quarter.ends[begin], quarter.ends[begin + length])
        holdout = gate.HoldoutScores(
            labels=quarter.labels[rows],
            champion=quarter.target.uncorrected_scores(champion[rows]),
            challenger=quarter.target.uncorrected_scores(challenger[rows]),
            nights=quarter.nights[rows],
            slices=intervals.slice_masks(quarter.case.slices, {by: each[rows] for by, each in quarter.levels.items()}),
        )
        verdict = gate.judge(holdout, quarter.case.gates, gate.GateRule(bar), quarter.target)
        outcomes[verdict.outcome] += 1
    shares = {name: round(count / trials, 4) for name, count in outcomes.items() if count}
    result = {"bar": bar, "nights": length, "gain": gain, "trials": trials, **shares}
    print(result, flush=True)
    return result


def _with_gain(quarter: Quarter, champion: Any, challenger: Any, gain: float) -> tuple[Any, Any]:
    """Return both raw predictions, with one of them moved so that the challenger's gain over the quarter is `gain`."""
    required_loss = _loss(quarter, champion) - gain
    if _loss(quarter, challenger) > required_loss:
        return champion, _move_to_loss(quarter, challenger, required_loss)
    return _move_to_loss(quarter, champion, _loss(quarter, challenger) + gain), challenger


def _move_to_loss(quarter: Quarter, raw: Any, loss: float) -> Any:
    """Return `raw` moved towards the hindsight model until its mean loss over the quarter is `loss`."""
    low, high = 0.0, 1.0
    assert _loss(quarter, quarter.hindsight) < loss, f"the hindsight model does not reach a loss of {loss}"
    while high - low > 1e-4:
        middle = (low + high) / 2
        better = _loss(quarter, (1 - middle) * raw + middle * quarter.hindsight) < loss
        low, high = (low, middle) if better else (middle, high)
    return (1 - high) * raw + high * quarter.hindsight


def _loss(quarter: Quarter, raw: Any) -> float:
    return float(quarter.target.row_loss(quarter.labels, quarter.target.uncorrected_scores(raw)).mean())


def _false_promotions(curve: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the share of false promotions by rule and number of nights, with the half width of its 95 % interval.

    A change must be better, so its hardest case is a gain of 0. A refresh may be worse by less than its margin, so its
    hardest case is a loss of the whole margin.
    """
    from include import usecases

    hardest = {"change": 0.0, "refresh": -usecases.get(USE_CASE).gates.refresh_margin}
    shares = {}
    for each in curve:
        if each["gain"] == hardest[each["bar"]]:
            share = each.get("promote", 0.0)
            error = _DEVIATIONS * (share * (1 - share) / each["trials"]) ** 0.5
            shares[f"{each['bar']}, {each['nights']} nights"] = {"share": share, "within": round(error, 4)}
    return shares


def _table(measured: dict[str, Any], gains: tuple[float, ...]) -> str:
    """Return the curve as a Markdown table with a row for each rule and number of nights."""
    rows = [f"| bar | nights | {' | '.join(f'{gain:+g}' for gain in gains)} |", "|---" * (2 + len(gains)) + "|"]
    for bar in BARS:
        for length in LENGTHS:
            points = [each for each in measured["curve"] if (each["bar"], each["nights"]) == (bar, length)]
            shares = [f"{each.get('promote', 0):.1%}" for each in points]
            rows.append(f"| {bar} | {length} | {' | '.join(shares)} |")
    undecided = [each for each in measured["curve"] if each["gain"] == 0.01 and each["bar"] == "change"]
    open_ = ", ".join(f"{each.get('inconclusive', 0):.0%} ({each['nights']} nights)" for each in undecided)
    most = max(each["share"] for each in measured["false_promotions"].values())
    summary = (
        f"False promotions: {most:.1%} at most. A change that gains .01 is left undecided in {open_} of the trials."
    )
    return "\n".join([*rows, "", summary])
