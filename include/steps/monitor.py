"""Scores met by their labels: what the champion is worth by now, what drifts, and whether to ask for a new one."""

from dataclasses import asdict
from datetime import date

import pandas as pd

from include import settings, usecases
from include.settings import Settings
from include.steps import features as feature_step
from include.steps import infrastructure, outcomes, standing
from include.stores import ledger, packages, pages, snapshot, warehouse
from include.stores.snapshot import Snapshot
from include.stores.warehouse import Alert, Metric
from include.usecases import coherence
from ml import drift, nights, packaging, privacy, retraining, targets
from ml.chain import Entry
from ml.performance import Performance
from ml.retraining import Decision, Facts
from ml.usecase import UseCase

_DRIFTED = 0.2


def measure(use_case: str, period: str) -> bool:
    """Measure as of the last night of `period`, decide once, and return whether retraining is asked for."""
    case, when, where = usecases.get(use_case), nights.parse(period), settings.load()
    engine = warehouse.engine(where.warehouse_url)
    standing.watch(case, when.last, where)
    infrastructure.measure(case, when.last, where)
    decided = ledger.entries(engine, use_case=case.name, kind="decided", night=when.last)
    if decided:
        return bool(decided[-1].payload["retrain"])
    champion = ledger.champion(engine, case.name, before_night=when.last)
    if champion is None:
        return False
    facts = packaging.facts(packages.get(where.packages, champion.subject, where.trusted_keys))
    tables = snapshot.take(case, where)
    recent = outcomes.measure(case, when.last, targets.told(case, facts), tables, where)
    reference, current = _learned_and_tonight(case, when.last, facts, tables, where)
    _measure_drift(case, when.last, champion, reference, current, where)
    warehouse.record_reads(engine, case.name, [when.last], "monitor", champion.subject, tables.versions)
    decision = retraining.decide(case.triggers, _facts(case, when.last, recent, facts, where))
    if decision.retrain and len(current):
        pages.write_drift(pages.drift(where.reports, case.name, when.last), reference, current)
    _alert(case, when.last, decision, where)
    ledger.append(
        engine,
        kind="decided",
        use_case=case.name,
        night=when.last,
        subject=champion.subject,
        payload={"reads": dict(tables.versions), **asdict(decision)},
        key=f"{case.name}:decided:{when.last}",
    )
    return decision.retrain


def _learned_and_tonight(
    case: UseCase, night: date, facts: dict[str, object], tables: Snapshot, where: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the features that the champion learned from, and those of `night`: all that may be reported on."""
    first, last = map(str, facts["fitted"])  # type: ignore[call-overload]  # two ISO dates
    ends = ((first, last), (str(night), str(night)))
    names = privacy.telling(case, case.feature_names, coherence.needs(case), "reports")
    version = tables.version(feature_step.STAGE, feature_step.TABLE)
    learned, tonight = (feature_step.read(where.lake, case, first, last, version)[names] for first, last in ends)
    return learned, tonight


def _measure_drift(
    case: UseCase, night: date, champion: Entry, reference: pd.DataFrame, current: pd.DataFrame, where: Settings
) -> None:
    if current.empty:
        return
    indexes = drift.population_stability(reference, current, [text.column for text in case.texts])
    share = sum(value > _DRIFTED for value in indexes.values()) / len(indexes)
    values = {f"psi:{name}": value for name, value in indexes.items()} | {"drifted_share": share}
    warehouse.record_metrics(
        warehouse.engine(where.warehouse_url),
        [
            Metric(
                use_case=case.name,
                night=night,
                model_digest=champion.subject,
                slice=outcomes.ALL,
                metric=name,
                value=value,
                n=len(current),
            )
            for name, value in values.items()
        ],
    )


def _facts(case: UseCase, night: date, recent: Performance | None, facts: dict[str, object], where: Settings) -> Facts:
    engine, cutoff = warehouse.engine(where.warehouse_url), case.horizon.cutoff
    trained = date.fromisoformat(str(facts["night"]))
    reference = facts[targets.of(case).words.metric]
    assert isinstance(reference, float)
    return Facts(
        matured_nights=0 if recent is None else recent.nights,
        calibration_gap=None if recent is None else recent.calibration_gap,
        loss=None if recent is None else recent.loss,
        reference_loss=reference,
        new_labels=warehouse.count_labels(engine, case.name, cutoff(night), cutoff(trained)),
        age_nights=case.horizon.count(trained, night),
        nights_since_training=nights_since_training(case, night, trained, where),
    )


def nights_since_training(case: UseCase, night: date, trained: date, where: Settings) -> int:
    """Return how many nights before `night` a model was last tried, the champion, which was `trained` then, or another."""
    engine = warehouse.engine(where.warehouse_url)
    tried = [each.night for each in ledger.entries(engine, use_case=case.name, kind="judged")]
    return case.horizon.count(max([trained, *(each for each in tried if each and each < night)]), night)


def _alert(case: UseCase, night: date, decision: Decision, where: Settings) -> None:
    for finding in decision.findings:
        if finding.state is retraining.State.FIRED:
            alert = Alert(
                use_case=case.name, night=night, kind="trigger", subject=finding.trigger, message=decision.reason
            )
            warehouse.raise_alert(warehouse.engine(where.warehouse_url), alert)
