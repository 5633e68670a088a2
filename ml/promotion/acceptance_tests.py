"""What a package must show before any release: it answers whatever it is asked, the same by every way, and in time."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.arrays import Booleans, Floats, Strings
from ml.checks import Answer, Check
from ml.statistics.intervals import Answered
from ml.training.encoding import Encoder
from ml.training.fitting import Model
from ml.usecase import Directional, Expectation, Fairness, Invariant, Megabytes, Milliseconds

if TYPE_CHECKING:
    import pandas as pd

    from ml.targets import Target

EXTREMES = (1e308, -1e308, math.inf, -math.inf, math.nan)
_UNSEEN = "a level that no training has seen"
_TOLERANCE = 1e-9
_NAMED = 3

Row = dict[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What a process that served the package measured: answers by way, to odd rows, and what they took.

    `single` and `frame` are the answers to the same rows, one by one and together.
    """

    single: Sequence[float]
    frame: Sequence[float]
    odd: Mapping[str, float]
    p50_ms: float
    p99_ms: float
    memory_mb: float


def odd_rows(encoder: Encoder, row: Mapping[str, object]) -> dict[str, Row]:
    """Return rows that no training has seen, made of `row`, by what is odd in them."""
    names = encoder.names
    numbers = [name for name in names if encoder.levels[name] is None and name not in encoder.texts]
    words = [name for name in names if name not in numbers]
    known = {name: row[name] for name in names}
    found: dict[str, Row] = {"all missing": {name: math.nan if name in numbers else None for name in names}}
    if words:
        found["all levels unseen"] = known | dict.fromkeys(words, _UNSEEN)
    for value in EXTREMES:
        found[f"all numbers {value:g}"] = known | dict.fromkeys(numbers, value)
        found |= {f"{name} {value:g}": known | {name: value} for name in numbers}
    return found


def answer(model: Model, rows: Mapping[str, Row]) -> dict[str, float]:
    """Return the answer to each row; NaN where the row alone and the row in a frame are answered otherwise."""
    import pandas as pd

    single = {name: model.predict_row(row) for name, row in rows.items()}
    together = model.predict(pd.DataFrame(list(rows.values()), columns=list(model.encoder.names)))
    return {
        name: one if abs(one - other) <= _TOLERANCE else math.nan
        for (name, one), other in zip(single.items(), together.tolist(), strict=True)
    }


def stability(odd: Mapping[str, float], target: "Target | type[Target]") -> Check:
    """Return whether every odd row has an answer: a probability above 0 and below 1, or a number."""
    wrong = [name for name, score in odd.items() if not target.answers_well(score)]
    named = f": {', '.join(wrong[:_NAMED])}" if wrong else ""
    bar = f"0 of {len(odd)} without {target.answers_are()}, alone and in a frame"
    return Check(name=f"odd rows{named}", value=float(len(wrong)), bar=bar, answer=Answer.of(bool(odd) and not wrong))


def agreement(ways: Mapping[str, Sequence[float] | Floats], by: str) -> tuple[Check, ...]:
    """Return a check for each other way: the most by which an answer differs from that of the way `by`."""
    reference = np.asarray(ways[by], np.float64)
    return tuple(_agrees(name, np.asarray(scores), reference, by) for name, scores in ways.items() if name != by)


def budget(trial: Trial, package_bytes: int, latency: Milliseconds, size: Megabytes) -> tuple[Check, ...]:
    """Return whether one answer's latency, the process's memory and the package's bytes keep their budgets."""
    return (
        _at_most(f"p99 latency of one answer, ms (p50 {trial.p50_ms:.3f})", trial.p99_ms, latency.p99),
        _at_most("memory of the answering process, MB", trial.memory_mb, size.memory),
        _at_most("size of the package, MB", package_bytes / 1e6, size.package),
    )


def over_http(p50_ms: float, p99_ms: float, latency: Milliseconds) -> Check:
    """Return whether one answer keeps its budget there and back, from a client's request to its answer."""
    return _at_most(f"p99 latency over HTTP, ms (p50 {p50_ms:.3f})", p99_ms, latency.p99)


def fairness(
    rows: Answered,
    levels: Mapping[str, Strings],
    among: Booleans,
    declared: Fairness,
    target: "Target",
    confidence: float,
) -> tuple[Check, ...]:
    """Return the gates of the declared fairness on labelled `rows` of recent nights, and whether there are any to ask of.

    `levels` (the text of each row's group) and `among` are over `rows`, as for the target's groups.
    """
    asked = int(among.sum())
    counted = Check(
        name="labelled rows of recent nights", value=float(asked), bar="1 or more", answer=Answer.of(asked > 0)
    )
    if not asked:
        return (counted,)
    groups = target.groups(rows, levels, among, declared, confidence)
    return (counted, *target.group_checks(groups, declared))


def expectations(model: Model, rows: "pd.DataFrame", expected: Iterable[Expectation]) -> tuple[Check, ...]:
    """Return a check for each expectation: the share of `rows` that goes against it; None where it cannot be asked."""
    return tuple(_meets(model, rows, each) for each in expected)


def _meets(model: Model, rows: "pd.DataFrame", each: Expectation) -> Check:
    match each:
        case Invariant():
            told = f"{each.by} moves the answer by more than {each.within:g}"
        case Directional():
            told = f"the answer falls by more than {each.slack:g}"
    bar = f"{told} in at most {each.allowed:.0%} of rows"
    if rows.empty or not all(_known(model.encoder, *put) for setting in each.settings for put in setting):
        return Check(name=each.name, value=None, bar=bar, answer=Answer.FAIL)
    scores = np.array([model.predict(rows.assign(**dict(setting))) for setting in each.settings])
    if isinstance(each, Invariant):
        against = np.ptp(scores, axis=0) > each.within
    else:
        against = scores[1] < scores[0] - each.slack
    share = float(np.mean(against | ~np.isfinite(scores).all(axis=0)))
    return Check(name=each.name, value=share, bar=bar, answer=Answer.of(share <= each.allowed))


def _known(encoder: Encoder, name: str, value: object) -> bool:
    """Return whether the model can tell `value` from any other: a level that it never saw would say nothing."""
    if name not in encoder.names:
        return False
    levels = encoder.levels[name]
    return isinstance(value, float) if levels is None else value in levels


def _agrees(name: str, scores: Floats, reference: Floats, by: str) -> Check:
    same = len(scores) == len(reference) > 0
    off = float(np.abs(scores - reference).max()) if same else math.nan
    value = off if math.isfinite(off) else None
    bar = f"within {_TOLERANCE:g} of {by}, on {len(reference)} rows"
    return Check(name=f"answers of {name}", value=value, bar=bar, answer=Answer.of(off <= _TOLERANCE))


def _at_most(name: str, value: float, most: float) -> Check:
    return Check(name=name, value=value, bar=f"at most {most:g}", answer=Answer.of(value <= most))
