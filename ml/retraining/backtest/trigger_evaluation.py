"""How soon each trigger notices what happened to a world, and how often it cries wolf: production's decisions, night by night."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ml.retraining import triggers as retraining_triggers
from ml.retraining.backtest import simulation, synthetic_scenarios
from ml.retraining.backtest.context import Scene
from ml.retraining.backtest.history import Trained
from ml.retraining.backtest.policies import Triggered
from ml.retraining.backtest.synthetic_scenarios import BREAKS, Scenario
from ml.retraining.triggers import Decision, Facts
from ml.usecase import Drift, Persistence, Triggers

_OFF = Triggers(calibration_gap=None, new_labels=None, drift=None, cooldown_nights=0)
_ANY = 0.1  # one of five features is more than this share
WATCHES: Mapping[str, Triggers] = {
    "calibration_gap": replace(_OFF, calibration_gap=0.04),
    "calibration_gap, 3 of 5": replace(
        _OFF, calibration_gap=0.04, persistence=(Persistence(trigger="calibration_gap", nights=3, among=5),)
    ),
    "loss_rise": replace(_OFF, loss_rise=0.1),
    "loss_surprise": replace(_OFF, loss_surprise=0.05),
    "expected_loss_rise": replace(_OFF, expected_loss_rise=0.1),
    "drift from training": replace(_OFF, drift=Drift(share=_ANY, asks=True)),
    "drift from the season": replace(
        _OFF, drift=Drift(against="season", season_nights=synthetic_scenarios.YEAR, share=_ANY, asks=True)
    ),
    "drift from the past": replace(_OFF, drift=Drift(against="past", share=_ANY, asks=True)),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """What a trigger did in one world: the nights on which it asked while nothing was wrong, of how many, and the delay.

    `delay` is the first night after the break on which it asked, 0 being the night of the break; None when it never did.
    """

    false_alarms: int
    calm: int
    delay: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Noticed:
    """What a trigger did in several worlds of a scenario: delays in nights (quartiles over those where it asked)."""

    scenario: str
    trigger: str
    ought: bool
    worlds: int
    found: int
    delay: tuple[float, float, float] | None
    false_alarms: float


def notice(scenario: Scenario, seeds: Iterable[int], watches: Mapping[str, Triggers] = WATCHES) -> tuple[Noticed, ...]:
    """Return what each of `watches` notices of a scenario, in a world for each seed."""
    worlds = [watch(scenario, seed, watches) for seed in seeds]
    return tuple(summed(scenario, name, [world[name] for world in worlds]) for name in watches)


def watch(scenario: Scenario, seed: int, watches: Mapping[str, Triggers] = WATCHES) -> dict[str, Watched]:
    """Return what each of `watches` did in one world, on the nights after the champion's training; it is never replaced."""
    scene, champion = synthetic_scenarios.scene(scenario, seed)
    trainings = {scene.beginning: champion}
    walk = simulation.begin(Triggered(name="watched", looks=1, triggers=_OFF), scene)
    seen = [
        simulation.observe(walk, _OFF, night, scene, trainings) for night in scene.case.horizon.nights(scene.period)
    ]
    return {name: _watched(scenario, asked(triggers, seen, champion, scene)) for name, triggers in watches.items()}


def asked(triggers: Triggers, seen: Iterable[Facts], champion: Trained, scene: Scene) -> list[bool]:
    """Return for each night, of which the facts were `seen` but for drift and earlier looks, whether a model was asked for."""
    decisions: list[Decision] = []
    for facts in seen:
        above = tuple(retraining_triggers.above(each.findings) for each in reversed(decisions))
        share = simulation.drifted_share(champion, triggers, facts.night, scene)
        facts = replace(facts, above=above, drifted_share=share)
        decisions.append(retraining_triggers.decide(triggers, facts, scene.case.horizon))
    return [each.retrain for each in decisions]


def _watched(scenario: Scenario, asked: list[bool]) -> Watched:
    breaks = BREAKS if scenario.ought else len(asked)
    after = [place for place, each in enumerate(asked[breaks:]) if each]
    return Watched(false_alarms=sum(asked[:breaks]), calm=breaks, delay=after[0] if after else None)


def summed(scenario: Scenario, name: str, worlds: list[Watched]) -> Noticed:
    """Return what one trigger did in all the worlds of a scenario."""
    delays = [each.delay for each in worlds if each.delay is not None]
    low, middle, high = np.quantile(delays, [0.25, 0.5, 0.75]) if delays else (np.nan,) * 3
    return Noticed(
        scenario=scenario.name,
        trigger=name,
        ought=name.split(",")[0] in scenario.ought,
        worlds=len(worlds),
        found=len(delays),
        delay=(float(low), float(middle), float(high)) if delays else None,
        false_alarms=100 * sum(each.false_alarms for each in worlds) / sum(each.calm for each in worlds),
    )
