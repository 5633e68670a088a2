"""Which trigger notices what, how soon, and how often for nothing: worlds whose truth is known, and both real data sets.

Every decision is production's own, on facts as the monitor gathers them. On the real data a champion of the schedule answers, and each
night is decided by each trigger: on employment, where nothing drifts, whatever asks is a false alarm.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from typing import Any

from bench import homes, replay

SEEDS, WORKERS = range(5), 2
LOOKS = {"day": 7, "month": 1}  # of the real nights every seventh is looked at: windows overlap
REAL = {
    "flights": ("2013-01-01..2013-12-31", "2013-02-01..2013-12-31", "every@28"),
    "employment": ("2015-01-01..2018-12-01", "2016-01-01..2018-12-01", "every@12"),
}
SHARES = (0.1, 0.5)


def run() -> dict[str, Any]:
    """Return what every trigger noticed of each scenario, and on how many real nights each asked."""
    noticed = list(_noticed())
    real, ages = {}, {}
    for use_case, (history, _, _) in REAL.items():
        with homes.temporary():
            homes.taken(use_case, history)
            real[use_case], ages[use_case] = _real(use_case)
    replay.publish("scenarios", _table(noticed), "scenarios")
    replay.publish("false alarms", _alarms(noticed, real), "scenarios")
    replay.publish("ages", _ages(ages), "scenarios")
    return {
        "seeds": len(SEEDS),
        "scenarios": [_kept(each) for each in noticed],
        "real": real,
        "ages": {use_case: [asdict(each) for each in found] for use_case, found in ages.items()},
    }


def _noticed() -> Iterator[Any]:
    from ml.retraining.backtest import synthetic_scenarios

    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        for found in pool.map(_notice, [each.name for each in synthetic_scenarios.SCENARIOS]):
            print(found[0].scenario, flush=True)
            yield from found


def _notice(name: str) -> Any:
    from ml.retraining.backtest import synthetic_scenarios, trigger_evaluation

    (scenario,) = [each for each in synthetic_scenarios.SCENARIOS if each.name == name]
    return trigger_evaluation.evaluate(scenario, SEEDS)


def _real(use_case: str) -> tuple[dict[str, Any], Any]:
    """Return for each trigger on how many nights it was above its threshold or could not tell, and what age costs."""
    from include import usecases
    from include.steps import backtest as step
    from include.steps.backtest import BacktestRequest, trainings

    _, nights, schedule = REAL[use_case]
    case = usecases.get(use_case)
    asked = BacktestRequest(use_case=use_case, period=case.horizon.parse(nights), policies=schedule)
    played = step.run(asked)
    made_from = trainings.source(use_case, played.training_key.reads)
    scene = replace(played.context, history=step.build_history(case, made_from, with_drift=True))
    (walk,) = played.walks
    wanted = {scene.initial_training_night, *(look.night for look in walk.records)}
    grown = trainings.gather(played.training_key, wanted, 1, lambda _: None)
    return {name: _counted(name, case, walk, scene, grown) for name in _watches(case)}, played.ages


def _watches(case: Any) -> dict[str, Any]:
    """Return each trigger alone, as the use case has it declared where it has, else as the scenarios have it."""
    from ml.retraining.backtest import trigger_evaluation
    from ml.usecase import Drift

    declared = case.triggers
    window = {"window_nights": declared.window_nights, "min_nights": declared.min_nights}
    found = {
        name: replace(each, **window) for name, each in trigger_evaluation.TRIGGER_SETTINGS.items() if "," not in name
    }
    for name in ("calibration_gap", "loss_rise", "loss_surprise", "expected_loss_rise"):
        found[name] = replace(found[name], **{name: getattr(declared, name) or getattr(found[name], name)})
    season = Drift(
        reference="season", season_nights=12 if case.horizon.every == "month" else 364, triggers_retraining=True
    )
    return found | {"drift from the season": replace(found["drift from the season"], drift=season)}


def _counted(name: str, case: Any, walk: Any, scene: Any, grown: Any) -> dict[str, Any]:
    from ml.retraining import triggers as retraining_triggers
    from ml.retraining.backtest import simulation

    triggers, values, asked = _watches(case)[name], [], 0
    for night in case.horizon.nights(scene.period)[:: LOOKS[case.horizon.every]]:
        so_far = replace(
            walk, records=(), champion_terms=tuple(each for each in walk.champion_terms if each.first_night <= night)
        )
        facts = simulation.observe(so_far, triggers, night, scene, grown)
        decision = retraining_triggers.decide(triggers, facts, case.horizon)
        asked += decision.retrain
        values += [each.value for each in decision.findings]
    (finding,) = decision.findings
    known = [each for each in values if each is not None]
    above = {f"above {share:g}": sum(each > share for each in known) for share in SHARES} if "drift" in name else {}
    print(case.name, name, finding.threshold, asked, len(known), len(values), above, flush=True)
    return {"threshold": finding.threshold, "nights": len(values), "told": len(known), "asked": asked, **above}


def _kept(each: Any) -> dict[str, Any]:
    return {
        "scenario": each.scenario,
        "trigger": each.trigger,
        "ought": each.expected,
        "worlds": each.runs,
        "found": each.detected,
        "delay": each.delay,
        "false_alarms": round(each.false_alarms, 2),
    }


def _table(noticed: list[Any]) -> list[str]:
    """Return a row for each scenario: the delay of each trigger, in bold where it ought to notice."""
    from ml.model_card import markdown

    names = list(dict.fromkeys(each.scenario for each in noticed))
    triggers = list(dict.fromkeys(each.trigger for each in noticed))
    cells = {(each.scenario, each.trigger): _delay(each) for each in noticed}
    broken = [name for name in names if any(each.expected for each in noticed if each.scenario == name)]
    return markdown.table(
        ["what happened", *triggers], [[name, *(cells[name, trigger] for trigger in triggers)] for name in broken]
    )


def _delay(each: Any) -> str:
    if each.delay is None:
        return "**blind**" if each.expected else "never"
    low, middle, high = each.delay
    some = "" if each.detected == each.runs else f", in {each.detected} of {each.runs}"
    told = f"{middle:g} ({low:g}-{high:g}){some}"
    return f"**{told}**" if each.expected else told


def _alarms(noticed: list[Any], real: dict[str, Any]) -> list[str]:
    """Return a row for each trigger: how many of 100 nights it asks on where nothing happened, made up and real."""
    from ml.model_card import markdown

    calm = {(each.scenario, each.trigger): f"{each.false_alarms:.1f}" for each in noticed}
    triggers = list(dict.fromkeys(each.trigger for each in noticed))
    made_up = ("nothing", "a season")
    return markdown.table(
        ["trigger", *made_up, *real],
        [
            [name, *(calm[each, name] for each in made_up), *(_share(found.get(name)) for found in real.values())]
            for name in triggers
        ],
    )


def _ages(found: dict[str, Any]) -> list[str]:
    from ml.model_card import markdown
    from ml.retraining.backtest import tables

    rows = [[use_case, *row] for use_case, ages in found.items() for row in tables.age_rows(ages)]
    return markdown.table(["use case", *tables.AGE_HEADERS], rows)


def _share(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    if not found["told"]:
        return "not enough data"
    shares = {name: found[name] for name in found if name.startswith("above")} or {"": found["asked"]}
    return ", ".join(f"{100 * count / found['told']:.1f} {name}".strip() for name, count in shares.items())
