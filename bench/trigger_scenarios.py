"""Detection delays and false alarms of the retraining triggers, in synthetic scenarios and on both real data sets.

Every decision is made by production's code, on facts as the monitor gathers them. On the real data, the champions come
from a fixed schedule, and every trigger decides every night. On employment nothing drifts, so every request is a false
alarm.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from typing import Any

from bench import backtest, workspace

SEEDS, WORKERS = range(5), 2
LOOKS = {"day": 7, "month": 1}  # triggers are evaluated on every seventh daily night, because windows overlap
REAL = {
    "flights": ("2013-01-01..2013-12-31", "2013-02-01..2013-12-31", "every@28"),
    "employment": ("2015-01-01..2018-12-01", "2016-01-01..2018-12-01", "every@12"),
}
SHARES = (0.1, 0.5)


def run() -> dict[str, Any]:
    """Return what every trigger detected in each scenario, and on how many real nights it requested retraining."""
    detections = list(_detections())
    real, ages = {}, {}
    for use_case, (history, _, _) in REAL.items():
        with workspace.temporary():
            workspace.ingest(use_case, history)
            real[use_case], ages[use_case] = _real(use_case)
    backtest.publish("scenarios", _table(detections), "trigger_scenarios")
    backtest.publish("false alarms", _false_alarms(detections, real), "trigger_scenarios")
    backtest.publish("ages", _ages(ages), "trigger_scenarios")
    return {
        "seeds": len(SEEDS),
        "scenarios": [_to_json(each) for each in detections],
        "real": real,
        "ages": {use_case: [asdict(each) for each in by_age] for use_case, by_age in ages.items()},
    }


def _detections() -> Iterator[Any]:
    from ml.retraining.backtest import synthetic_scenarios

    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        for detections in pool.map(_evaluate, [each.name for each in synthetic_scenarios.SCENARIOS]):
            print(detections[0].scenario, flush=True)
            yield from detections


def _evaluate(name: str) -> Any:
    from ml.retraining.backtest import synthetic_scenarios, trigger_evaluation

    (scenario,) = [each for each in synthetic_scenarios.SCENARIOS if each.name == name]
    return trigger_evaluation.evaluate(scenario, SEEDS)


def _real(use_case: str) -> tuple[dict[str, Any], Any]:
    """Return, for each trigger, its counts over the real nights, and the excess loss of models by age."""
    from include import usecases
    from include.steps import backtest as step
    from include.steps.backtest import BacktestRequest, trainings

    _, nights, schedule = REAL[use_case]
    case = usecases.get(use_case)
    request = BacktestRequest(use_case=use_case, period=case.schedule.parse(nights), policies=schedule)
    run = step.run(request)
    source = trainings.source(use_case, run.training_key.reads)
    context = replace(run.context, history=step.build_history(case, source, with_drift=True))
    (walk,) = run.walks
    training_nights = {context.initial_training_night, *(record.night for record in walk.records)}
    results = trainings.gather(run.training_key, training_nights, 1, lambda _: None)
    return {name: _count(name, case, walk, context, results) for name in _single_triggers(case)}, run.ages


def _single_triggers(case: Any) -> dict[str, Any]:
    """Return settings with one trigger each, with the thresholds of the use case or else of the scenarios."""
    from ml.retraining.backtest import trigger_evaluation
    from ml.usecase import Drift

    declared = case.triggers
    window = {"window_nights": declared.window_nights, "min_nights": declared.min_nights}
    settings = {
        name: replace(each, **window) for name, each in trigger_evaluation.TRIGGER_SETTINGS.items() if "," not in name
    }
    for name in ("calibration_gap", "loss_rise", "loss_surprise", "expected_loss_rise"):
        settings[name] = replace(settings[name], **{name: getattr(declared, name) or getattr(settings[name], name)})
    season = Drift(
        reference="season", season_nights=12 if case.schedule.every == "month" else 364, triggers_retraining=True
    )
    return settings | {"drift from the season": replace(settings["drift from the season"], drift=season)}


def _count(name: str, case: Any, walk: Any, context: Any, results: Any) -> dict[str, Any]:
    """Return on how many nights a trigger had a value ("told") and requested retraining ("asked")."""
    from ml.retraining import triggers as retraining_triggers
    from ml.retraining.backtest import simulation

    triggers, values, requests = _single_triggers(case)[name], [], 0
    for night in case.schedule.nights(context.period)[:: LOOKS[case.schedule.every]]:
        so_far = replace(
            walk, records=(), champion_terms=tuple(each for each in walk.champion_terms if each.first_night <= night)
        )
        facts = simulation.observe(so_far, triggers, night, context, results)
        decision = retraining_triggers.decide(triggers, facts, case.schedule)
        requests += decision.retrain
        values += [each.value for each in decision.findings]
    (finding,) = decision.findings
    known = [each for each in values if each is not None]
    above = {f"above {share:g}": sum(each > share for each in known) for share in SHARES} if "drift" in name else {}
    print(case.name, name, finding.threshold, requests, len(known), len(values), above, flush=True)
    return {"threshold": finding.threshold, "nights": len(values), "told": len(known), "asked": requests, **above}


def _to_json(each: Any) -> dict[str, Any]:
    return {
        "scenario": each.scenario,
        "trigger": each.trigger,
        "ought": each.expected,
        "worlds": each.runs,
        "found": each.detected,
        "delay": each.delay,
        "false_alarms": round(each.false_alarms, 2),
    }


def _table(detections: list[Any]) -> list[str]:
    """Return a row for each scenario with the delay of each trigger, in bold if the trigger should detect it."""
    from ml.model_card import markdown

    names = list(dict.fromkeys(each.scenario for each in detections))
    triggers = list(dict.fromkeys(each.trigger for each in detections))
    cells = {(each.scenario, each.trigger): _delay(each) for each in detections}
    changed = [name for name in names if any(each.expected for each in detections if each.scenario == name)]
    return markdown.table(
        ["what happened", *triggers], [[name, *(cells[name, trigger] for trigger in triggers)] for name in changed]
    )


def _delay(each: Any) -> str:
    if each.delay is None:
        return "**blind**" if each.expected else "never"
    low, middle, high = each.delay
    runs = "" if each.detected == each.runs else f", in {each.detected} of {each.runs}"
    text = f"{middle:g} ({low:g}-{high:g}){runs}"
    return f"**{text}**" if each.expected else text


def _false_alarms(detections: list[Any], real: dict[str, Any]) -> list[str]:
    """Return a row for each trigger with its requests in 100 nights without a change, synthetic and real."""
    from ml.model_card import markdown

    alarms = {(each.scenario, each.trigger): f"{each.false_alarms:.1f}" for each in detections}
    triggers = list(dict.fromkeys(each.trigger for each in detections))
    unchanged = ("nothing", "a season")
    return markdown.table(
        ["trigger", *unchanged, *real],
        [
            [name, *(alarms[each, name] for each in unchanged), *(_share(counts.get(name)) for counts in real.values())]
            for name in triggers
        ],
    )


def _ages(by_use_case: dict[str, Any]) -> list[str]:
    from ml.model_card import markdown
    from ml.retraining.backtest import tables

    rows = [[use_case, *row] for use_case, ages in by_use_case.items() for row in tables.age_rows(ages)]
    return markdown.table(["use case", *tables.AGE_HEADERS], rows)


def _share(counts: dict[str, Any] | None) -> str:
    if counts is None:
        return ""
    if not counts["told"]:
        return "not enough data"
    shares = {name: counts[name] for name in counts if name.startswith("above")} or {"": counts["asked"]}
    return ", ".join(f"{100 * count / counts['told']:.1f} {name}".strip() for name, count in shares.items())
