"""The gate's operating curve: the share of challengers that `gate.judge` promotes, by their true gain.

It uses real matured rows, and real models of one recipe: before each part of the year (a quarter of the flights'
year), the recipe is trained as of several nights, so that two neighbours are a champion and its refresh. In each trial
the two swap roles on each night at random, so that neither is better in expectation, in loss or in any part of it. Then
one of them is moved towards a model that has seen the part, until the challenger's mean gain over the whole part equals
the gain under test. A trial judges the pair on consecutive nights of the part, as the gate would.

A challenger of the kind "worse level" has a gain of .01 in centred loss and of -.01 in loss: it orders the rows better,
at a level that is wrong. It must not be promoted.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import workspace

MODELS = 5
GAINS = (-0.02, -0.01, -0.005, 0.0, 0.005, 0.01, 0.02, 0.04)
MOST_FALSE_PROMOTIONS = 0.05
WORSE_LEVEL = 0.01  # the gain in centred loss, and the loss in loss
_TRIALS, _TRIALS_WITHOUT_GAIN = 200, 600
_SEED, _DEVIATIONS = 20131, 1.96
_PRECISION, _MAX_SHIFT = 1e-4, 3.0
_PAGE = Path(__file__).parent.parent / "docs/concepts/gate.md"


@dataclass(frozen=True, kw_only=True)
class Design:
    """What is judged: nights of a use case, which `adapt` may change, in `parts` with their first and last month.

    The models of a part are trained `cadence_nights` apart, and judged on as many nights as each of `lengths`.
    """

    use_case: str
    nights: str
    parts: tuple[tuple[str, str], ...]
    cadence_nights: int
    lengths: tuple[int, ...]
    gains: tuple[float, ...]
    adapt: Callable[[Any], Any] = lambda case: case


FLIGHTS = Design(
    use_case="flights",
    nights="2013-01-01..2013-12-31",
    parts=(("2013-04", "2013-06"), ("2013-07", "2013-09"), ("2013-10", "2013-12")),
    cadence_nights=14,
    lengths=(7, 14, 28),
    gains=GAINS,
)


@dataclass(frozen=True, kw_only=True)
class Part:
    """The n rows of a part of the year, ordered by night.

    `labels`, `nights` and the values of `levels` (slice values by feature) have shape (n,). `ends` are the end
    positions of the nights, with a leading 0. `models` are raw predictions of trainings in order, the oldest first,
    shape (models, n), and `hindsight` those of a model that has seen the part, shape (n,).
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
    measured = measure(FLIGHTS)
    publish(measured, "gate", FLIGHTS)
    return measured


def measure(design: Design) -> dict[str, Any]:
    """Return the curve of a design."""
    with workspace.temporary():
        parts = list(_parts(design))
    curve = [_run_trials(parts, length, gain) for length in design.lengths for gain in design.gains]
    worse_level = [_run_trials(parts, length, -WORSE_LEVEL, worse_level=True) for length in design.lengths]
    return {
        "most_false_promotions": MOST_FALSE_PROMOTIONS,
        "false_promotions": {f"{each['nights']} nights": _share(each) for each in curve if each["gain"] == 0},
        "power": {f"{each['nights']} nights, {each['gain']:+g}": _share(each) for each in curve if each["gain"] > 0},
        "worse_level": {f"{each['nights']} nights": _share(each) for each in worse_level},
        "curve": curve,
    }


def publish(measured: dict[str, Any], bench: str, design: Design) -> None:
    """Write the curve into docs/concepts/gate.md, between the marks of the benchmark `bench`."""
    begin, end = f"<!-- operating curve: written by `python -m bench {bench}` -->", "<!-- /operating curve -->"
    mark = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    text = f"{begin}\n{_table(measured, design)}\n{end}"
    _PAGE.write_text(mark.sub(lambda _: text, _PAGE.read_text()))


def _parts(design: Design) -> Iterator[Part]:
    from ml import targets
    from ml.usecase import GradientBoosting

    case, settings = workspace.ingest(design.use_case, design.nights)
    case = design.adapt(case)
    rows = workspace.training_rows(case, settings, design.nights)
    trees = next(each for each in case.candidates if isinstance(each, GradientBoosting))
    months = np.array([night[:7] for night in rows.nights], object)
    for first, last in design.parts:
        in_part = (months >= first) & (months <= last)
        before, judged = rows.select(months < first), rows.select(in_part)
        target, nights = targets.from_labels(case, before.labels), np.unique(before.nights)
        trained_until = [nights[-1 - design.cadence_nights * age] for age in reversed(range(MODELS))]
        models = [
            predict_raw(case, trees, before.select(before.nights <= until), judged.frame, 0, settings.threads, target)
            for until in trained_until
        ]
        yield Part(
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


def predict_raw(case: Any, candidate: Any, training: Any, frame: Any, seed: int, threads: int, target: Any) -> Any:
    """Fit `candidate` on `training` without calibration, and return its raw predictions for `frame`."""
    from ml.training import encoding, learners

    encoder = encoding.fit(training.frame, case.feature_names, case.texts)
    encoded = encoder.encode(training.frame)
    learner = learners.fit(candidate, encoder, encoded, training.labels, seed, threads, quantile=target.quantile)
    return learner.raw(encoder.encode(frame))


def _run_trials(parts: list[Part], length: int, gain: float, *, worse_level: bool = False) -> dict[str, Any]:
    """Return the share of each outcome over many trials with one true gain."""
    from ml.promotion import gate
    from ml.statistics import intervals

    rng = np.random.default_rng(_SEED)
    trials = _TRIALS_WITHOUT_GAIN if gain <= 0 else _TRIALS
    outcomes = dict.fromkeys(map(str, gate.Outcome), 0)
    for _ in range(trials):
        part = parts[int(rng.integers(len(parts)))]
        older = int(rng.integers(MODELS - 1))
        champion, challenger = _swap_nights(part, part.models[older], part.models[older + 1], rng)
        if worse_level:
            challenger = _at_worse_level(part, champion)
        else:
            champion, challenger = _with_gain(part, champion, challenger, gain)
        begin = rng.integers(len(part.ends) - length)
        rows = slice(part.ends[begin], part.ends[begin + length])
        holdout = gate.HoldoutScores(
            labels=part.labels[rows],
            champion=part.target.uncorrected_scores(champion[rows]),
            challenger=part.target.uncorrected_scores(challenger[rows]),
            nights=part.nights[rows],
            slices=intervals.slice_masks(part.case.slices, {by: each[rows] for by, each in part.levels.items()}),
        )
        verdict = gate.judge(holdout, part.case.gates, gate.GateRule.REFRESH, part.target)
        outcomes[verdict.outcome] += 1
    shares = {name: round(count / trials, 4) for name, count in outcomes.items() if count}
    result = {"nights": length, "gain": gain, "worse_level": worse_level, "trials": trials, **shares}
    print(result, flush=True)
    return result


def _swap_nights(part: Part, one: Any, other: Any, rng: Any) -> tuple[Any, Any]:
    """Return both raw predictions with their roles swapped on each night with a probability of one half."""
    swapped = np.repeat(rng.random(len(part.ends) - 1) < 0.5, np.diff(part.ends))
    return np.where(swapped, other, one), np.where(swapped, one, other)


def _at_worse_level(part: Part, champion: Any) -> Any:
    """Return a challenger that is better than `champion` in centred loss and worse in loss, both by `WORSE_LEVEL`."""
    from ml.promotion import paired_gains

    night_index = np.repeat(np.arange(len(part.ends) - 1), np.diff(part.ends))

    def centred(raw: Any) -> float:
        scores = part.target.uncorrected_scores(raw)
        return float(paired_gains.centred_loss(part.labels, scores, night_index, part.target).mean())

    def blend(share: float) -> Any:
        return (1 - share) * champion + share * part.hindsight

    better_order = centred(champion) - WORSE_LEVEL
    challenger = blend(_least(1.0, lambda share: centred(blend(share)) < better_order))
    step, worse = float(np.std(challenger)), _loss(part, champion) + WORSE_LEVEL
    return challenger + step * _least(_MAX_SHIFT, lambda steps: _loss(part, challenger + steps * step) > worse)


def _least(high: float, is_enough: Callable[[float], bool]) -> float:
    """Return the least number from 0 to `high` that is enough, by bisection; more is always enough, too."""
    low = 0.0
    while high - low > _PRECISION:
        middle = (low + high) / 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _with_gain(part: Part, champion: Any, challenger: Any, gain: float) -> tuple[Any, Any]:
    """Return both raw predictions, with one of them moved so that the challenger's gain over the part is `gain`."""
    required_loss = _loss(part, champion) - gain
    if _loss(part, challenger) > required_loss:
        return champion, _move_to_loss(part, challenger, required_loss)
    return _move_to_loss(part, champion, _loss(part, challenger) + gain), challenger


def _move_to_loss(part: Part, raw: Any, loss: float) -> Any:
    """Return `raw` moved towards the hindsight model until its mean loss over the part is `loss`."""
    assert _loss(part, part.hindsight) < loss, f"the hindsight model does not reach a loss of {loss}"

    def blend(share: float) -> Any:
        return (1 - share) * raw + share * part.hindsight

    return blend(_least(1.0, lambda share: _loss(part, blend(share)) < loss))


def _loss(part: Part, raw: Any) -> float:
    return float(part.target.row_loss(part.labels, part.target.uncorrected_scores(raw)).mean())


def _share(cell: dict[str, Any]) -> dict[str, float]:
    """Return the share of promotions in a cell of the curve, with the half width of its 95 % interval."""
    share = cell.get("promote", 0.0)
    return {"share": share, "within": round(_DEVIATIONS * (share * (1 - share) / cell["trials"]) ** 0.5, 4)}


def _table(measured: dict[str, Any], design: Design) -> str:
    """Return the curve as a Markdown table with a row for each number of nights."""
    heads = [*(f"{gain:+g}" for gain in design.gains), "worse level"]
    rows = [f"| nights | {' | '.join(heads)} |", "|---" * (1 + len(heads)) + "|"]
    for length in design.lengths:
        shares = [
            *(each.get("promote", 0) for each in measured["curve"] if each["nights"] == length),
            measured["worse_level"][f"{length} nights"]["share"],
        ]
        rows.append(f"| {length} | {' | '.join(f'{share:.1%}' for share in shares)} |")
    undecided = [each for each in measured["curve"] if each["gain"] == 0.01]
    open_ = ", ".join(f"{each.get('inconclusive', 0):.0%} ({each['nights']} nights)" for each in undecided)
    most = max(each["share"] for each in measured["false_promotions"].values())
    summary = (
        f"False promotions: {most:.1%} at most. A challenger that gains .01 is left undecided in {open_} of the trials."
    )
    return "\n".join([*rows, "", summary])
