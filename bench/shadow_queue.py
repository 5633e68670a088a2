"""The shadow queue's error rate and power: the share of undecided models that it shows better within their stay.

The nightly gains are simulated, and everything else is production's code (`ml.promotion.adoption.shadow_queue`). The
noise has the size of a year of flights: the nightly difference of two models has a standard deviation of .037 in loss
and of .012 in centred loss, with a correlation of .3. A gain moves the centred loss by .4 of it. Noise of another kind
is correlated from night to night, or has heavy tails.
"""

import re
import textwrap
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

EFFECTS = (-0.2, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8)  # in standard deviations of the nightly gain in loss
CHANGED_AFTER = 28  # nights
_LOSS_SD, _CENTRED_SD, _CORRELATION, _CENTRED_SHARE = 0.037, 0.012, 0.3, 0.4
_TRIALS, _TRIALS_WITHOUT_GAIN, _SEED = 400, 1000, 20138
_START = date(2013, 1, 1)
_PAGE = Path(__file__).parent.parent / "docs/concepts/retraining.md"
_BEGIN, _END = "<!-- shadow queue: written by `python -m bench shadow_queue` -->", "<!-- /shadow queue -->"
_MARK = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
Noise = Callable[[Any, int], Any]


def run() -> dict[str, Any]:
    """Return the false alarms by kind of noise, and the power by effect, alone and when the champion changes."""
    rng = np.random.default_rng(_SEED)
    kinds: dict[str, Noise] = {"independent": _normal, "correlated by .3": _correlated, "heavy tails": _heavy}
    measured = {
        "level": _declared().queue_level,
        "nominal": 1 / _declared().queue_level,
        "nominal_of_three": 3 / _declared().queue_level,
        "without_gain": {name: _share(rng, 0.0, _TRIALS_WITHOUT_GAIN, noise) for name, noise in kinds.items()},
        "any_of_three_without_gain": _any_of_three(rng),
        "power": {f"{effect:g}": _share(rng, effect, _TRIALS, _normal) for effect in EFFECTS},
        "power_if_the_champion_changes": {
            f"{effect:g}": _share(rng, effect, _TRIALS, _normal, changed_after=CHANGED_AFTER) for effect in EFFECTS
        },
        "power_of_means_of_blocks": {f"{effect:g}": _share_by_blocks(rng, effect) for effect in EFFECTS},
        "trials": _TRIALS,
        "trials_without_gain": _TRIALS_WITHOUT_GAIN,
    }
    text = f"{_BEGIN}\n{_table(measured)}\n{_END}"
    _PAGE.write_text(_MARK.sub(lambda _: text, _PAGE.read_text()))
    return measured


def _declared() -> Any:
    from ml.usecase import Adoption

    return Adoption()


def _share(rng: Any, effect: float, trials: int, noise: Noise, changed_after: int | None = None) -> dict[str, float]:
    """Return the share of trials that show the model better, and the median night on which they do."""
    nights = [_shown_after(_draw(rng, effect, noise), changed_after) for _ in range(trials)]
    shown = [each for each in nights if each is not None]
    return {"share": len(shown) / trials, "median_nights": float(np.median(shown)) if shown else 0.0}


def _share_by_blocks(rng: Any, effect: float) -> dict[str, float]:
    """Return the share of trials in which the means of blocks as values, instead of nights, reach the same level."""
    from ml.promotion.adoption import evidence

    declared, shown = _declared(), 0
    for _ in range(_TRIALS):
        nightly, night = _nightly(_draw(rng, effect, _normal)), _START + timedelta(days=declared.queue_nights)
        series = evidence.block_series("c", [(_START, "m")], night, _schedule(), nightly)
        shown += evidence.reached(series, declared, declared.queue_level) is not None
    return {"share": shown / _TRIALS}


def _any_of_three(rng: Any) -> dict[str, float]:
    """Return the share of trials in which one of three models without gain is shown better than the same champion."""
    alarms = 0
    for _ in range(_TRIALS_WITHOUT_GAIN):
        champion, *models = (_draw(rng, 0.0, _normal) for _ in range(4))
        alarms += any(_shown_after((champion + each) / np.sqrt(2), None) is not None for each in models)
    return {"share": alarms / _TRIALS_WITHOUT_GAIN}


def _draw(rng: Any, effect: float, noise: Noise) -> Any:
    """Return the nightly gains of a stay in loss and in centred loss, shape (nights, 2)."""
    draws = noise(rng, _declared().queue_nights)
    loss = draws[:, 0]
    centred = _CORRELATION * loss + np.sqrt(1 - _CORRELATION**2) * draws[:, 1]
    gain = effect * _LOSS_SD
    return np.column_stack([_LOSS_SD * loss + gain, _CENTRED_SD * centred + _CENTRED_SHARE * gain])


def _normal(rng: Any, nights: int) -> Any:
    return rng.normal(size=(nights, 2))


def _correlated(rng: Any, nights: int) -> Any:
    draws = rng.normal(size=(nights, 2))
    for night in range(1, nights):
        draws[night] = 0.3 * draws[night - 1] + np.sqrt(1 - 0.3**2) * draws[night]
    return draws


def _heavy(rng: Any, nights: int) -> Any:
    return rng.standard_t(3, size=(nights, 2)) / np.sqrt(3)


def _shown_after(gains: Any, changed_after: int | None) -> int | None:
    """Return the number of nights after which the queue shows a model with these gains better, None if it never does.

    With `changed_after`, a champion of yet another recipe, on which the model gains as much, comes every so many nights.
    """
    from ml.promotion.adoption.shadow_queue import ChampionTerm, QueuedModel, QueueMember, ShadowQueue

    declared, schedule, nightly = _declared(), _schedule(), _nightly(gains)
    member = QueueMember(recipe="r", models=(QueuedModel(night=_START, digest="m", seq=1),), nights_left=0)

    stay = declared.queue_nights
    for begin in range(0, stay, changed_after or stay):
        term = ChampionTerm(since=_START + timedelta(days=begin), digest="c")
        queue = ShadowQueue(terms=(term,), members=())
        end = min(begin + (changed_after or stay), stay)
        if _highest(member, queue, end, declared, schedule, nightly) < declared.queue_level:
            continue
        weeks = range(begin, end + 1, schedule.nights_per_block)
        return next(
            each for each in weeks if _highest(member, queue, each, declared, schedule, nightly) >= declared.queue_level
        )
    return None


def _nightly(gains: Any) -> Any:
    """Return the function that returns the simulated gains of a range of nights."""
    from ml.promotion.adoption.evidence import GainSeries

    def nightly(_champion: str, _model: str, first: date, last: date, _known: date, **_: bool) -> GainSeries:
        days = slice((first - _START).days - 1, (last - _START).days)
        return GainSeries(loss=gains[days, 0], centred_loss=gains[days, 1])

    return nightly


def _schedule() -> Any:
    from ml.usecase import Night

    return Night(hour=2, timezone="UTC")


def _highest(member: Any, queue: Any, night: int, declared: Any, schedule: Any, nightly: Any) -> float:
    from ml.promotion.adoption import shadow_queue

    return shadow_queue.measure(member, queue, _START + timedelta(days=night), declared, schedule, nightly).highest


def _table(measured: dict[str, Any]) -> str:
    power, changed = measured["power"], measured["power_if_the_champion_changes"]
    heads = [f"{float(effect):+g}" for effect in power]
    rows = {
        "shown better": [f"{each['share']:.0%}" for each in power.values()],
        "after nights, median": [f"{each['median_nights']:.0f}" if each["share"] else "" for each in power.values()],
        f"shown better, champion of another recipe every {CHANGED_AFTER} nights": [
            f"{each['share']:.0%}" for each in changed.values()
        ],
    }
    false = ", ".join(f"{each['share']:.1%} ({name})" for name, each in measured["without_gain"].items())
    summary = (
        f"Without any gain, by noise: {false}; the declaration allows {measured['nominal']:.1%}. One of three models "
        f"without gain is shown better in {measured['any_of_three_without_gain']['share']:.1%} of the trials; "
        f"{measured['nominal_of_three']:.1%} are allowed."
    )
    return "\n".join(
        [
            f"| true gain, in standard deviations of a night | {' | '.join(heads)} |",
            "|---" * (1 + len(heads)) + "|",
            *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()),
            "",
            textwrap.fill(summary, 120),
        ]
    )
