"""Acceptance tests before a release: the challenger's package is served and checked on rows of the latest nights."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from include.serving import subprocesses
from include.settings import Settings
from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.features import feature_pins, training_set
from include.steps.train import diagnostics, model_card, serving_trial
from include.stores import ledger, packages, registry, table_snapshot
from ml import targets
from ml.arrays import Floats
from ml.errors import CardError, RefusalError
from ml.governance import ledger_entries
from ml.governance.checks import Check, CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import AcceptanceTested, EntryKind, Verdict
from ml.packaging import package_files
from ml.promotion import acceptance_tests
from ml.statistics.intervals import ScoredRows
from ml.targets import Target
from ml.training.fitting import Model
from ml.usecase import UseCase


def run(context: NightContext, verdict: Entry) -> tuple[Check, ...]:
    """Return the checks of the package that `verdict` judged, on rows of the latest nights.

    Raises PackageError when the package cannot be served at all, and RefusalError when there are no rows to test it on.
    """
    files = packages.get(context.settings.packages, verdict.subject, context.settings.trusted_keys)
    facts = package_files.facts(files)
    rows = _sample(context, verdict.subject, facts)
    probe, rows = serving_trial.run(
        context.settings.packages, verdict.subject, rows, context.case.feature_names, context.night, context.settings
    )
    http_probe = serving_trial.probe_http(context, verdict.subject, rows, context.case.feature_names)
    model, target = package_files.load(files), targets.from_facts(context.case, facts)
    predictions: dict[str, Sequence[float] | Floats] = {
        "the nightly batch": model.predict(rows),
        "the server, one by one": probe.single_row_scores,
        "the server, together": probe.batch_scores,
        "the server, over HTTP": http_probe.scores,
        "MLflow": _mlflow_scores(context, verdict, rows),
    }
    return (
        Check(
            name="golden rows, signature and hashes", value=1.0, bar="in a process of its own", status=CheckStatus.PASS
        ),
        *acceptance_tests.agreement_checks(predictions, "the nightly batch"),
        acceptance_tests.stability_check(probe.adversarial_scores, target),
        *acceptance_tests.budget_checks(
            probe, sum(map(len, files.values())), context.case.latency_budget, context.case.size_budget
        ),
        acceptance_tests.http_latency_check(http_probe.p50_ms, http_probe.p99_ms, context.case.latency_budget),
        *acceptance_tests.expectation_checks(model, rows, context.case.expectations),
        *_fairness_checks(context, model, target),
        _card_check(context.case, context.night),
    )


def find_reports(engine: sa.Engine, verdict: Entry) -> tuple[Entry, ...]:
    """Return the reports on the package that `verdict` judged, oldest first."""
    return ledger.entries(
        engine,
        use_case=verdict.use_case,
        kind=EntryKind.ACCEPTANCE_TESTED,
        night=verdict.night,
        subject=verdict.subject,
    )


def passed(engine: sa.Engine, verdict: Entry) -> bool:
    """Return whether the last report on the package that `verdict` judged has no failed check."""
    reports = find_reports(engine, verdict)
    return bool(reports) and ledger_entries.read(reports[-1], AcceptanceTested).outcome == CheckStatus.PASS


def verify_golden_rows(digest: str, settings: Settings) -> None:
    """Raise PackageError unless the package, in a process of its own, reproduces the scores of its golden rows."""
    subprocesses.run("include.serving.verify_package", settings.packages, digest, settings)


def _sample(context: NightContext, digest: str, facts: Mapping[str, Any]) -> pd.DataFrame:
    """Return a sample of feature rows of the latest nights up to the context's night; every run draws the same rows."""
    version = feature_step.version(table_snapshot.take(context.case, context.settings), context.case)
    first = context.case.schedule.previous(context.night, context.case.gates.judged_nights)
    rows = feature_step.read(context.settings.lake, context.case, str(first), str(context.night), version)
    if rows.empty:
        raise RefusalError(
            f"expected features of {context.case.name} in {first}..{context.night} to test the package on, found none"
        )
    feature_pins.check_rows(digest, facts, rows, context)
    return serving_trial.sample(rows)


def _mlflow_scores(context: StepContext, verdict: Entry, rows: pd.DataFrame) -> Floats:
    """Return the scores of the registered MLflow version, which takes categories as strings."""
    names = list(context.case.feature_names)
    categorical = {name: object for name in names if rows[name].dtype == "category"}
    frame = rows[names].astype(categorical)
    frame = frame.assign(**{name: frame[name].where(frame[name].notna(), None) for name in categorical})
    return registry.predict(
        context.settings, context.case.name, str(ledger_entries.read(verdict, Verdict).version), frame
    )


def _fairness_checks(context: NightContext, model: Model, target: Target) -> tuple[Check, ...]:
    """Return the fairness checks on the latest labelled nights, as many as the gate judges on."""
    if context.case.fairness is None:
        return ()
    tables = table_snapshot.take(context.case, context.settings)
    labelled = training_set.read(context, tables)
    rows = labelled.select(np.isin(labelled.nights, np.unique(labelled.nights)[-context.case.gates.judged_nights :]))
    scored = ScoredRows(frame=rows.frame, labels=rows.labels, scores=model.predict(rows.frame), nights=rows.nights)
    levels, among = (
        diagnostics.group_levels(context.case, rows, tables),
        diagnostics.condition_mask(context.case, context.case.fairness.population, rows.frame),
    )
    return acceptance_tests.fairness_checks(
        scored, levels, among, context.case.fairness, target, context.case.gates.confidence
    )


def _card_check(case: UseCase, night: date) -> Check:
    try:
        model_card.check(case.name, str(night))
    except CardError as fault:
        return Check(name=str(fault), value=1.0, bar="the model card says what was recorded", status=CheckStatus.FAIL)
    return Check(name="numbers of the model card that differ", value=0.0, bar="0", status=CheckStatus.PASS)
