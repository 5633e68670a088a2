"""Monitor: measure the champion's performance on matured labels, measure drift, and decide on retraining."""

import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date

import pandas as pd

from include.steps import release_state
from include.steps.context import NightContext
from include.steps.features import training_profile
from include.steps.monitor import (
    age_cost,
    feature_drift,
    host_metrics,
    live_answers,
    model_age,
    performance,
    prediction_drift,
    served_features,
    serving_metrics,
)
from include.steps.monitor.performance import MetricScope
from include.steps.train import attempts, candidates
from include.stores import ledger, packages, report_paths, table_snapshot, warehouse
from include.stores.table_snapshot import TableSnapshot
from include.stores.warehouse import Alert
from ml import targets
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry, Json
from ml.governance.ledger_entries import EntryKind, RetrainingDecided
from ml.monitoring.performance import RecentPerformance
from ml.monitoring.reference_profile import SCORE
from ml.packaging import package_files
from ml.retraining import triggers
from ml.retraining.triggers import ChampionFacts, RetrainingDecision
from ml.statistics.intervals import Interval
from ml.targets import Target
from ml.training.fitting import Model
from ml.usecase.periods import Period

_REPORT = "drift_report"
_LOG = logging.getLogger(__name__)


def measure(use_case: str, period: str) -> bool:
    """Measure as of the last night of `period`, decide once, and return whether retraining is requested."""
    context = NightContext.load_night(use_case, period)
    engine = context.engine
    release_state.audit(context)
    serving_metrics.measure(context)
    host_metrics.measure(context)
    decisions = ledger.entries(
        engine, use_case=context.case.name, kind=EntryKind.RETRAINING_DECIDED, night=context.night
    )
    if decisions:
        return ledger_entries.read(decisions[-1], RetrainingDecided).retrain
    champion = ledger.champion(engine, context.case.name, before_night=context.night)
    if champion is None:
        return False
    files = packages.get(context.settings.packages, champion.subject, context.settings.trusted_keys)
    facts, model = package_files.facts(files), package_files.load(files)
    tables = table_snapshot.take(context.case, context.settings)
    target = targets.from_facts(context.case, facts)
    served_features.measure(context, tables)
    live_answers.measure(context, target, tables)
    recent = performance.measure(context, target, tables)
    training_period = training_profile.training_period(facts)
    reference = training_profile.of_package(context, files, model, training_period, tables)
    drift_result = feature_drift.measure(context, champion.subject, reference.features, training_period, tables)
    compared = prediction_drift.measure(context, champion.subject, reference)
    trained = date.fromisoformat(str(facts["night"]))
    worth_facts = age_cost.measure(context, champion.subject, str(facts.get("recipe")), trained, tables)
    warehouse.record_table_reads(
        engine, context.case.name, [context.night], "monitor", champion.subject, tables.versions
    )
    age_loss = _record_age(context, champion, facts)
    trigger_facts = replace(_facts(context, champion, recent, facts, target, drift_result.share), worth=worth_facts)
    decision = triggers.decide(context.case.triggers, trigger_facts, context.case.schedule)
    if decision.retrain:
        decision = decision.unless(candidates.gate_refusal(context, str(facts["used_until"])))
    _alert(context, decision)
    ledger.append(
        engine,
        kind=EntryKind.RETRAINING_DECIDED,
        use_case=context.case.name,
        night=context.night,
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
        key=f"{context.case.name}:{EntryKind.RETRAINING_DECIDED}:{context.night}",
    )
    if decision.retrain:
        _report(context, training_period, tables, model, {"features": drift_result.current} | compared)
    return decision.retrain


def _report(
    context: NightContext,
    training_period: Period,
    tables: TableSnapshot,
    model: Model,
    compared: Mapping[str, pd.DataFrame],
) -> None:
    """Write the drift reports; any fault in it is an alert, because the night's decision does not need them."""
    alerts = []
    try:
        _write_reports(context, training_profile.read_rows(context, training_period, tables), model, compared)
    except Exception as error:  # noqa: BLE001  # Evidently has no base class for what it raises
        _LOG.exception("the drift report of %s, night %s", context.case.name, context.night)
        message = (
            f"the drift report could not be written ({type(error).__name__}: {error}); the decision of the night stands"
        )
        alerts.append(
            Alert(use_case=context.case.name, night=context.night, kind=_REPORT, subject="drift", message=message)
        )
    warehouse.replace_alerts(context.engine, context.case.name, context.night, (_REPORT,), alerts)


def _write_reports(
    context: NightContext, training_rows: pd.DataFrame, model: Model, compared: Mapping[str, pd.DataFrame]
) -> None:
    """Write Evidently's drift reports on features, scores and requests, as far as there are rows to compare."""
    features = training_rows[training_profile.reportable_features(context.case)]
    for source, current in compared.items():
        if source == prediction_drift.SCORES:
            reference = pd.DataFrame({SCORE: training_profile.score_sample(model, training_rows)})
        else:
            reference = features
        if len(current):
            report_paths.write_drift_report(
                report_paths.drift_report(context.settings.reports, context.case.name, context.night, source),
                reference,
                current,
            )


def _facts(
    context: NightContext,
    champion: Entry,
    recent: RecentPerformance | None,
    facts: dict[str, object],
    target: Target,
    drifted_share: float | None,
) -> ChampionFacts:
    engine, cutoff = context.engine, context.case.schedule.cutoff
    trained = date.fromisoformat(str(facts["night"]))
    reference = facts[target.display_names.metric]
    assert isinstance(reference, float)
    return ChampionFacts(
        night=context.night,
        **triggers.matured_facts(recent),
        reference_loss=reference,
        expected_loss=performance.expected_loss(context, champion.subject, target),
        new_labels=warehouse.count_labels(engine, context.case.dataset, cutoff(context.night), cutoff(trained)),
        age_nights=context.case.schedule.count(trained, context.night),
        trained_nights=attempts.tried_nights(context, trained),
        drifted_share=drifted_share,
        above_history=_earlier_above(context, champion),
    )


def _record_age(context: NightContext, champion: Entry, facts: dict[str, object]) -> Interval | None:
    """Record the champion's age, and return how much more a model of that age loses than a fresh one, if known."""
    age = context.case.schedule.count(date.fromisoformat(str(facts["night"])), context.night)
    aged = model_age.lookup(context, age)
    values = {"age_nights": Interval(value=float(age), low=math.nan, high=math.nan)}
    values |= {"loss_by_age": aged.excess} if aged else {}
    scope, rows = (
        MetricScope(use_case=context.case.name, night=context.night, model_digest=champion.subject),
        aged.rows if aged else 0,
    )
    metrics = [scope.metric(name, each.value, rows, each.low, each.high) for name, each in values.items()]
    warehouse.record_metrics(context.engine, metrics)
    return values.get("loss_by_age")


def _earlier_above(context: NightContext, champion: Entry) -> tuple[frozenset[str], ...]:
    """Return the triggers that were above their threshold on each earlier night under this champion, latest first."""
    engine = context.engine
    decisions = ledger.entries(
        engine, use_case=context.case.name, kind=EntryKind.RETRAINING_DECIDED, subject=champion.subject
    )
    before = sorted((each.night, each.seq, each) for each in decisions if each.night and each.night < context.night)
    findings = [ledger_entries.read(each, RetrainingDecided).findings for _, _, each in reversed(before)]
    return tuple(map(triggers.above_threshold_recorded, findings))


def _facts_payload(facts: ChampionFacts, age_loss: Interval | None) -> dict[str, Json]:
    """Return the facts and the loss by age as JSON for the ledger; numbers that are not finite become None."""
    payload: dict[str, Json] = {"loss_by_age": None if age_loss is None else age_loss.value}
    for name, value in asdict(facts).items():
        if isinstance(value, float):
            payload[name] = value if math.isfinite(value) else None
        elif isinstance(value, (int, type(None))):
            payload[name] = value
    payload["worth"] = None if facts.worth is None else asdict(facts.worth)
    return payload | {"trained_nights": [str(each) for each in facts.trained_nights]}


def _alert(context: NightContext, decision: RetrainingDecision) -> None:
    for trigger, message in decision.fired_messages.items():
        alert = Alert(use_case=context.case.name, night=context.night, kind="trigger", subject=trigger, message=message)
        warehouse.raise_alert(context.engine, alert)
