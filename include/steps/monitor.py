"""Scores met by their labels: what the champion is worth by now, what drifts, and whether to ask for a new one."""

import math
from dataclasses import asdict
from datetime import date
from typing import Any

from include import settings, usecases
from include.settings import Settings
from include.steps import answered, attempts, drifting, infrastructure, machines, outcomes, staleness, standing
from include.steps.answered import Held
from include.steps.drifting import Drifted
from include.steps.outcomes import Part
from include.stores import ledger, packages, pages, snapshot, warehouse
from include.stores.warehouse import Alert
from ml import nights, packaging, retraining, targets
from ml.chain import Entry, Json
from ml.evaluation import Interval
from ml.nights import Period
from ml.performance import Recent
from ml.retraining import Decision, Facts
from ml.targets import Target
from ml.usecase import UseCase


def measure(use_case: str, period: str) -> bool:
    """Measure as of the last night of `period`, decide once, and return whether retraining is asked for."""
    case, when, where = usecases.get(use_case), nights.parse(period), settings.load()
    engine = warehouse.engine(where.warehouse_url)
    standing.watch(case, when.last, where)
    infrastructure.measure(case, when.last, where)
    machines.measure(case, when.last, where)
    decided = ledger.entries(engine, use_case=case.name, kind="decided", night=when.last)
    if decided:
        return bool(decided[-1].payload["retrain"])
    champion = ledger.champion(engine, case.name, before_night=when.last)
    if champion is None:
        return False
    files = packages.get(where.packages, champion.subject, where.trusted_keys)
    facts, model = packaging.facts(files), packaging.load(files)
    tables = snapshot.take(case, where)
    target = targets.told(case, facts)
    recent = outcomes.measure(case, when.last, target, tables, where)
    fitted = _fitted(facts)
    drifted = drifting.measure(case, when.last, champion.subject, fitted, tables, where)
    held = answered.measure(case, when.last, champion.subject, model, fitted, drifted.learned, tables, where)
    warehouse.record_reads(engine, case.name, [when.last], "monitor", champion.subject, tables.versions)
    by_age = _tell_age(case, when.last, champion, facts, where)
    found = _facts(case, when.last, champion, recent, facts, target, drifted.share, where)
    decision = retraining.decide(case.triggers, found, case.horizon)
    if decision.retrain:
        _report(case, when.last, drifted, held, where)
    _alert(case, when.last, decision, where)
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


def _report(case: UseCase, night: date, drifted: Drifted, held: dict[str, Held], where: Settings) -> None:
    """Write Evidently's pages: of the features, the scores and the requests, those that there are."""
    features = {"features": Held(reference=drifted.learned, current=drifted.tonight)} if len(drifted.tonight) else {}
    for of, each in (features | held).items():
        pages.write_drift(pages.drift(where.reports, case.name, night, of), each.reference, each.current)


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
    where: Settings,
) -> Facts:
    engine, cutoff = warehouse.engine(where.warehouse_url), case.horizon.cutoff
    trained = date.fromisoformat(str(facts["night"]))
    reference = facts[target.words.metric]
    assert isinstance(reference, float)
    return Facts(
        night=night,
        **retraining.matured(recent),
        reference_loss=reference,
        expected_loss=outcomes.expected_loss(case, night, champion.subject, target, where),
        new_labels=warehouse.count_labels(engine, case.name, cutoff(night), cutoff(trained)),
        age_nights=case.horizon.count(trained, night),
        tried=attempts.tried(case, night, trained, where),
        drifted_share=drifted_share,
        above=_above(case, night, champion, where),
    )


def _tell_age(
    case: UseCase, night: date, champion: Entry, facts: dict[str, object], where: Settings
) -> Interval | None:
    """Record the champion's age, and return what a replay found a model of that age to lose more than a fresh one."""
    age = case.horizon.count(date.fromisoformat(str(facts["night"])), night)
    aged = staleness.told(case, age, where)
    told = {"age_nights": Interval(value=float(age), low=math.nan, high=math.nan)}
    told |= {"loss_by_age": aged.excess} if aged else {}
    part, rows = Part(use_case=case.name, night=night, model_digest=champion.subject), aged.rows if aged else 0
    found = [part.metric(name, each.value, rows, each.low, each.high) for name, each in told.items()]
    warehouse.record_metrics(warehouse.engine(where.warehouse_url), found)
    return told.get("loss_by_age")


def _above(case: UseCase, night: date, champion: Entry, where: Settings) -> tuple[frozenset[str], ...]:
    """Return what was above its threshold on each earlier night under this champion, the latest first."""
    engine = warehouse.engine(where.warehouse_url)
    decided = ledger.entries(engine, use_case=case.name, kind="decided", subject=champion.subject)
    before = sorted((each.night, each.seq, each) for each in decided if each.night and each.night < night)
    return tuple(retraining.above_then(_findings(each)) for _, _, each in reversed(before))


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


def _alert(case: UseCase, night: date, decision: Decision, where: Settings) -> None:
    for trigger, told in decision.fired.items():
        alert = Alert(use_case=case.name, night=night, kind="trigger", subject=trigger, message=told)
        warehouse.raise_alert(warehouse.engine(where.warehouse_url), alert)
