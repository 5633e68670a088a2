"""Scores met by their labels: what the champion is worth by now, what drifts, and whether to ask for a new one."""

import math
from dataclasses import asdict
from datetime import date
from typing import Any

from include import usecases
from include.settings import Settings, load_settings
from include.steps import release_state
from include.steps.monitor import feature_drift, host_metrics, model_age, performance, prediction_drift, serving_metrics
from include.steps.monitor.feature_drift import Drifted
from include.steps.monitor.performance import Part
from include.steps.monitor.prediction_drift import Held
from include.steps.train import attempts
from include.stores import ledger, packages, report_paths, table_snapshot, warehouse
from include.stores.warehouse import Alert
from ml import periods, targets
from ml.governance.hash_chain import Entry, Json
from ml.monitoring.performance import Recent
from ml.packaging import package_files
from ml.periods import Period
from ml.retraining import triggers
from ml.retraining.triggers import Decision, Facts
from ml.statistics.intervals import Interval
from ml.targets import Target
from ml.usecase import UseCase


def measure(use_case: str, period: str) -> bool:
    """Measure as of the last night of `period`, decide once, and return whether retraining is asked for."""
    case, when, settings = usecases.get(use_case), periods.parse(period), load_settings()
    engine = warehouse.engine(settings.warehouse_url)
    release_state.watch(case, when.last, settings)
    serving_metrics.measure(case, when.last, settings)
    host_metrics.measure(case, when.last, settings)
    decided = ledger.entries(engine, use_case=case.name, kind="decided", night=when.last)
    if decided:
        return bool(decided[-1].payload["retrain"])
    champion = ledger.champion(engine, case.name, before_night=when.last)
    if champion is None:
        return False
    files = packages.get(settings.packages, champion.subject, settings.trusted_keys)
    facts, model = package_files.facts(files), package_files.load(files)
    tables = table_snapshot.take(case, settings)
    target = targets.told(case, facts)
    recent = performance.measure(case, when.last, target, tables, settings)
    fitted = _fitted(facts)
    drifted = feature_drift.measure(case, when.last, champion.subject, fitted, tables, settings)
    held = prediction_drift.measure(case, when.last, champion.subject, model, fitted, drifted.learned, tables, settings)
    warehouse.record_reads(engine, case.name, [when.last], "monitor", champion.subject, tables.versions)
    by_age = _tell_age(case, when.last, champion, facts, settings)
    found = _facts(case, when.last, champion, recent, facts, target, drifted.share, settings)
    decision = triggers.decide(case.triggers, found, case.horizon)
    if decision.retrain:
        _report(case, when.last, drifted, held, settings)
    _alert(case, when.last, decision, settings)
    ledger.append(
        engine,
        kind="decided",
        use_case=case.name,
        night=when.last,
        subject=champion.subject,
        payload={"reads": dict(tables.versions), "facts": _told(found, by_age), **asdict(decision)},
        key=f"{case.name}:decided:{when.last}",
    )
    return decision.retrain


def _report(case: UseCase, night: date, drifted: Drifted, held: dict[str, Held], settings: Settings) -> None:
    """Write Evidently's pages: of the features, the scores and the requests, those that there are."""
    features = {"features": Held(reference=drifted.learned, current=drifted.tonight)} if len(drifted.tonight) else {}
    for of, each in (features | held).items():
        report_paths.write_drift(report_paths.drift(settings.reports, case.name, night, of), each.reference, each.current)


def _fitted(facts: dict[str, object]) -> Period:
    """Return the nights that the champion learned from."""
    first, last = map(str, facts["fitted"])  # type: ignore[call-overload]  # two ISO dates
    return Period(date.fromisoformat(first), date.fromisoformat(last))


def _facts(
    case: UseCase,
    night: date,
    champion: Entry,
    recent: Recent | None,
    facts: dict[str, object],
    target: Target,
    drifted_share: float | None,
    settings: Settings,
) -> Facts:
    engine, cutoff = warehouse.engine(settings.warehouse_url), case.horizon.cutoff
    trained = date.fromisoformat(str(facts["night"]))
    reference = facts[target.words.metric]
    assert isinstance(reference, float)
    return Facts(
        night=night,
        **triggers.matured(recent),
        reference_loss=reference,
        expected_loss=performance.expected_loss(case, night, champion.subject, target, settings),
        new_labels=warehouse.count_labels(engine, case.name, cutoff(night), cutoff(trained)),
        age_nights=case.horizon.count(trained, night),
        tried=attempts.tried(case, night, trained, settings),
        drifted_share=drifted_share,
        above=_above(case, night, champion, settings),
    )


def _tell_age(
    case: UseCase, night: date, champion: Entry, facts: dict[str, object], settings: Settings
) -> Interval | None:
    """Record the champion's age, and return what a replay found a model of that age to lose more than a fresh one."""
    age = case.horizon.count(date.fromisoformat(str(facts["night"])), night)
    aged = model_age.told(case, age, settings)
    told = {"age_nights": Interval(value=float(age), low=math.nan, high=math.nan)}
    told |= {"loss_by_age": aged.excess} if aged else {}
    part, rows = Part(use_case=case.name, night=night, model_digest=champion.subject), aged.rows if aged else 0
    found = [part.metric(name, each.value, rows, each.low, each.high) for name, each in told.items()]
    warehouse.record_metrics(warehouse.engine(settings.warehouse_url), found)
    return told.get("loss_by_age")


def _above(case: UseCase, night: date, champion: Entry, settings: Settings) -> tuple[frozenset[str], ...]:
    """Return what was above its threshold on each earlier night under this champion, the latest first."""
    engine = warehouse.engine(settings.warehouse_url)
    decided = ledger.entries(engine, use_case=case.name, kind="decided", subject=champion.subject)
    before = sorted((each.night, each.seq, each) for each in decided if each.night and each.night < night)
    return tuple(triggers.above_then(_findings(each)) for _, _, each in reversed(before))


def _findings(decided: Entry) -> list[dict[str, Any]]:
    findings: Any = decided.payload["findings"]
    return list(findings)


def _told(facts: Facts, by_age: Interval | None) -> dict[str, Json]:
    """Return the facts as the ledger keeps them, and what age costs: None for what is no finite number."""
    told: dict[str, Json] = {"loss_by_age": None if by_age is None else by_age.value}
    for name, value in asdict(facts).items():
        if isinstance(value, float):
            told[name] = value if math.isfinite(value) else None
        elif isinstance(value, (int, type(None))):
            told[name] = value
    return told | {"tried": [str(each) for each in facts.tried]}


def _alert(case: UseCase, night: date, decision: Decision, settings: Settings) -> None:
    for trigger, told in decision.fired.items():
        alert = Alert(use_case=case.name, night=night, kind="trigger", subject=trigger, message=told)
        warehouse.raise_alert(warehouse.engine(settings.warehouse_url), alert)
