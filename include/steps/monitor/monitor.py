"""Scores met by their labels: what the champion is worth by now, what drifts, and whether to ask for a new one."""

import math
from dataclasses import asdict
from datetime import date

from include import usecases
from include.settings import Settings, load_settings
from include.steps import release_state
from include.steps.monitor import feature_drift, host_metrics, model_age, performance, prediction_drift, serving_metrics
from include.steps.monitor.feature_drift import FeatureDrift
from include.steps.monitor.performance import MetricScope
from include.steps.monitor.prediction_drift import ReferencePair
from include.steps.train import attempts
from include.stores import ledger, packages, report_paths, table_snapshot, warehouse
from include.stores.warehouse import Alert
from ml import periods, targets
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry, Json
from ml.governance.ledger_entries import EntryKind, RetrainingDecided
from ml.monitoring.performance import RecentPerformance
from ml.packaging import package_files
from ml.periods import Period
from ml.retraining import triggers
from ml.retraining.triggers import ChampionFacts, RetrainingDecision
from ml.statistics.intervals import Interval
from ml.targets import Target
from ml.usecase import UseCase


def measure(use_case: str, period: str) -> bool:
    """Measure as of the last night of `period`, decide once, and return whether retraining is asked for."""
    case, span, settings = usecases.get(use_case), periods.parse(period), load_settings()
    engine = warehouse.engine(settings.warehouse_url)
    release_state.audit(case, span.last, settings)
    serving_metrics.measure(case, span.last, settings)
    host_metrics.measure(case, span.last, settings)
    decisions = ledger.entries(engine, use_case=case.name, kind=EntryKind.RETRAINING_DECIDED, night=span.last)
    if decisions:
        return ledger_entries.read(decisions[-1], RetrainingDecided).retrain
    champion = ledger.champion(engine, case.name, before_night=span.last)
    if champion is None:
        return False
    files = packages.get(settings.packages, champion.subject, settings.trusted_keys)
    facts, model = package_files.facts(files), package_files.load(files)
    tables = table_snapshot.take(case, settings)
    target = targets.from_facts(case, facts)
    recent = performance.measure(case, span.last, target, tables, settings)
    training_period = _training_period(facts)
    drift_result = feature_drift.measure(case, span.last, champion.subject, training_period, tables, settings)
    pairs = prediction_drift.measure(
        case, span.last, champion.subject, model, training_period, drift_result.reference, tables, settings
    )
    warehouse.record_table_reads(engine, case.name, [span.last], "monitor", champion.subject, tables.versions)
    age_loss = _record_age(case, span.last, champion, facts, settings)
    trigger_facts = _facts(case, span.last, champion, recent, facts, target, drift_result.share, settings)
    decision = triggers.decide(case.triggers, trigger_facts, case.horizon)
    if decision.retrain:
        _report(case, span.last, drift_result, pairs, settings)
    _alert(case, span.last, decision, settings)
    ledger.append(
        engine,
        kind=EntryKind.RETRAINING_DECIDED,
        use_case=case.name,
        night=span.last,
        subject=champion.subject,
        payload=RetrainingDecided(
            retrain=decision.retrain,
            reason=decision.reason,
            trigger=decision.trigger,
            throttled_until=decision.throttled_until,
            findings=tuple(asdict(each) for each in decision.findings),
            facts=_facts_payload(trigger_facts, age_loss),
            table_versions=dict(tables.versions),
        ),
        key=f"{case.name}:{EntryKind.RETRAINING_DECIDED}:{span.last}",
    )
    return decision.retrain


def _report(
    case: UseCase, night: date, drift_result: FeatureDrift, pairs: dict[str, ReferencePair], settings: Settings
) -> None:
    """Write Evidently's pages: of the features, the scores and the requests, those that there are."""
    features = (
        {"features": ReferencePair(reference=drift_result.reference, current=drift_result.current)}
        if len(drift_result.current)
        else {}
    )
    for source, each in (features | pairs).items():
        report_paths.write_drift_report(
            report_paths.drift_report(settings.reports, case.name, night, source), each.reference, each.current
        )


def _training_period(facts: dict[str, object]) -> Period:
    """Return the nights that the champion learned from."""
    first, last = map(str, facts["fitted"])  # type: ignore[call-overload]  # two ISO dates
    return Period(date.fromisoformat(first), date.fromisoformat(last))


def _facts(
    case: UseCase,
    night: date,
    champion: Entry,
    recent: RecentPerformance | None,
    facts: dict[str, object],
    target: Target,
    drifted_share: float | None,
    settings: Settings,
) -> ChampionFacts:
    engine, cutoff = warehouse.engine(settings.warehouse_url), case.horizon.cutoff
    trained = date.fromisoformat(str(facts["night"]))
    reference = facts[target.display_names.metric]
    assert isinstance(reference, float)
    return ChampionFacts(
        night=night,
        **triggers.matured_facts(recent),
        reference_loss=reference,
        expected_loss=performance.expected_loss(case, night, champion.subject, target, settings),
        new_labels=warehouse.count_labels(engine, case.name, cutoff(night), cutoff(trained)),
        age_nights=case.horizon.count(trained, night),
        trained_nights=attempts.tried_nights(case, night, trained, settings),
        drifted_share=drifted_share,
        above_history=_earlier_above(case, night, champion, settings),
    )


def _record_age(
    case: UseCase, night: date, champion: Entry, facts: dict[str, object], settings: Settings
) -> Interval | None:
    """Record the champion's age, and return what a replay found a model of that age to lose more than a fresh one."""
    age = case.horizon.count(date.fromisoformat(str(facts["night"])), night)
    aged = model_age.lookup(case, age, settings)
    values = {"age_nights": Interval(value=float(age), low=math.nan, high=math.nan)}
    values |= {"loss_by_age": aged.excess} if aged else {}
    scope, rows = MetricScope(use_case=case.name, night=night, model_digest=champion.subject), aged.rows if aged else 0
    metrics = [scope.metric(name, each.value, rows, each.low, each.high) for name, each in values.items()]
    warehouse.record_metrics(warehouse.engine(settings.warehouse_url), metrics)
    return values.get("loss_by_age")


def _earlier_above(case: UseCase, night: date, champion: Entry, settings: Settings) -> tuple[frozenset[str], ...]:
    """Return what was above its threshold on each earlier night under this champion, the latest first."""
    engine = warehouse.engine(settings.warehouse_url)
    decisions = ledger.entries(engine, use_case=case.name, kind=EntryKind.RETRAINING_DECIDED, subject=champion.subject)
    before = sorted((each.night, each.seq, each) for each in decisions if each.night and each.night < night)
    findings = [ledger_entries.read(each, RetrainingDecided).findings for _, _, each in reversed(before)]
    return tuple(map(triggers.above_threshold_recorded, findings))


def _facts_payload(facts: ChampionFacts, age_loss: Interval | None) -> dict[str, Json]:
    """Return the facts as the ledger keeps them, and what age costs: None for what is no finite number."""
    payload: dict[str, Json] = {"loss_by_age": None if age_loss is None else age_loss.value}
    for name, value in asdict(facts).items():
        if isinstance(value, float):
            payload[name] = value if math.isfinite(value) else None
        elif isinstance(value, (int, type(None))):
            payload[name] = value
    return payload | {"trained_nights": [str(each) for each in facts.trained_nights]}


def _alert(case: UseCase, night: date, decision: RetrainingDecision, settings: Settings) -> None:
    for trigger, message in decision.fired_messages.items():
        alert = Alert(use_case=case.name, night=night, kind="trigger", subject=trigger, message=message)
        warehouse.raise_alert(warehouse.engine(settings.warehouse_url), alert)
