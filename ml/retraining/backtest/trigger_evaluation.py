"""Evaluation of triggers on synthetic scenarios: detection delays and false alarms of production's decisions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ml.retraining import triggers as retraining_triggers
from ml.retraining.backtest import simulation, synthetic_scenarios
from ml.retraining.backtest.context import BacktestContext
from ml.retraining.backtest.history import TrainedModel
from ml.retraining.backtest.policies import Triggered
from ml.retraining.backtest.synthetic_scenarios import CHANGE_NIGHT, Scenario
from ml.retraining.triggers import ChampionFacts, RetrainingDecision
from ml.usecase import Drift, Persistence, Triggers

_ALL_OFF = Triggers(calibration_gap=None, new_labels=None, drift=None, cooldown_nights=0)
_DRIFT_SHARE = 0.1  # exceeded if one of the five features drifts
TRIGGER_SETTINGS: Mapping[str, Triggers] = {
    "calibration_gap": replace(_ALL_OFF, calibration_gap=0.04),
    "calibration_gap, 3 of 5": replace(
        _ALL_OFF, calibration_gap=0.04, persistence=(Persistence(trigger="calibration_gap", nights=3, out_of=5),)
    ),
    "loss_rise": replace(_ALL_OFF, loss_rise=0.1),
    "loss_surprise": replace(_ALL_OFF, loss_surprise=0.05),
    "expected_loss_rise": replace(_ALL_OFF, expected_loss_rise=0.1),
    "drift from training": replace(_ALL_OFF, drift=Drift(share=_DRIFT_SHARE, triggers_retraining=True)),
    "drift from the season": replace(
        _ALL_OFF,
        drift=Drift(
            reference="season",
            season_nights=synthetic_scenarios.NIGHTS_PER_YEAR,
            share=_DRIFT_SHARE,
            triggers_retraining=True,
        ),
    ),
    "drift from the past": replace(
        _ALL_OFF, drift=Drift(reference="past", share=_DRIFT_SHARE, triggers_retraining=True)
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionRun:
    """A trigger's result in one simulated data set: its false alarms before the change, and its detection delay.

    `delay` is the number of nights from the change to the first request, 0 for the night of the change; None without a
    request.
    """

    false_alarms: int
    nights_before_change: int
    delay: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionResult:
    """A trigger's results over several data sets of a scenario.

    `delay` has the quartiles of the delays in nights, over the runs that detected the change. `false_alarms` is per 100
    nights before the change.
    """

    scenario: str
    trigger: str
    expected: bool
    runs: int
    detected: int
    delay: tuple[float, float, float] | None
    false_alarms: float


def evaluate(
    scenario: Scenario, seeds: Iterable[int], trigger_settings: Mapping[str, Triggers] = TRIGGER_SETTINGS
) -> tuple[DetectionResult, ...]:
    """Return the result of each of `trigger_settings` on a scenario, with one simulated data set for each seed."""
    runs = [evaluate_once(scenario, seed, trigger_settings) for seed in seeds]
    return tuple(summarize(scenario, name, [run[name] for run in runs]) for name in trigger_settings)


def evaluate_once(
    scenario: Scenario, seed: int, trigger_settings: Mapping[str, Triggers] = TRIGGER_SETTINGS
) -> dict[str, DetectionRun]:
    """Return the result of each of `trigger_settings` in one data set, on the nights after the champion's training.

    The champion is never replaced.
    """
    context, champion = synthetic_scenarios.build_context(scenario, seed)
    trainings = {context.initial_training: champion}
    run = simulation.start(Triggered(name="watched", interval_nights=1, triggers=_ALL_OFF), context)
    nightly_facts = [
        simulation.observe(run, _ALL_OFF, night, context, trainings)
        for night in context.case.schedule.nights(context.period)
    ]
    return {
        name: _detection_run(scenario, requests_by_night(triggers, nightly_facts, champion, context))
        for name, triggers in trigger_settings.items()
    }


def requests_by_night(
    triggers: Triggers, nightly_facts: Iterable[ChampionFacts], champion: TrainedModel, context: BacktestContext
) -> list[bool]:
    """Return for each night whether the triggers request a training.

    `nightly_facts` are complete except for drift and the history of earlier evaluations, which depend on the triggers.
    """
    decisions: list[RetrainingDecision] = []
    for facts in nightly_facts:
        above = tuple(retraining_triggers.above_threshold(each.findings) for each in reversed(decisions))
        share = simulation.drifted_share(champion, triggers, facts.night, context)
        facts = replace(facts, above_history=above, drifted_share=share)
        decisions.append(retraining_triggers.decide(triggers, facts, context.case.schedule))
    return [each.retrain for each in decisions]


def _detection_run(scenario: Scenario, requests: list[bool]) -> DetectionRun:
    change_night = CHANGE_NIGHT if scenario.expected_triggers else len(requests)
    after = [offset for offset, each in enumerate(requests[change_night:]) if each]
    return DetectionRun(
        false_alarms=sum(requests[:change_night]), nights_before_change=change_night, delay=after[0] if after else None
    )


def summarize(scenario: Scenario, name: str, runs: list[DetectionRun]) -> DetectionResult:
    """Return one trigger's results over all runs of a scenario.

    >>> runs = [DetectionRun(false_alarms=1, nights_before_change=40, delay=delay) for delay in (3, 5, None)]
    >>> result = summarize(Scenario(name="label shift"), "calibration_gap", runs)
    >>> result.detected, result.delay, result.false_alarms  # 3 false alarms in 120 nights
    (2, (3.5, 4.0, 4.5), 2.5)
    """
    delays = [each.delay for each in runs if each.delay is not None]
    low, middle, high = np.quantile(delays, [0.25, 0.5, 0.75]) if delays else (np.nan,) * 3
    return DetectionResult(
        scenario=scenario.name,
        trigger=name,
        expected=name.split(",")[0] in scenario.expected_triggers,
        runs=len(runs),
        detected=len(delays),
        delay=(float(low), float(middle), float(high)) if delays else None,
        false_alarms=100 * sum(each.false_alarms for each in runs) / sum(each.nights_before_change for each in runs),
    )
