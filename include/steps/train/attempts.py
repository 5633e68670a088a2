"""Training attempts of a night: which verdict is current, and when a refused first model may be trained again."""

from collections.abc import Sequence
from datetime import date

from include import provenance
from include.steps.context import NightContext, StepContext
from include.stores import ledger, table_snapshot
from include.usecases import function_sources
from ml.governance import ledger_entries
from ml.governance.checks import CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import AcceptanceTested, EntryKind, Verdict
from ml.promotion.gate import Outcome
from ml.retraining import throttling
from ml.training import recipes
from ml.usecase import UseCase


def verdicts(context: NightContext) -> tuple[Entry, ...]:
    """Return the verdicts on the context's night, oldest first."""
    engine = context.engine
    return ledger.entries(engine, use_case=context.case.name, kind=EntryKind.JUDGED, night=context.night)


def tried_nights(context: NightContext, champion: date | None) -> tuple[date, ...]:
    """Return the earlier nights as of which models were trained for any reason, and `champion`, the champion's."""
    entries = ledger.entries(context.engine, use_case=context.case.name, kind=EntryKind.JUDGED)
    before = {each.night for each in entries if each.night and each.night < context.night}
    return tuple(sorted(before | ({champion} if champion else set())))


def describe_budget(context: NightContext) -> str:
    """Return in words how much of the training budget is spent; "" without a budget. It does not limit manual runs."""
    declared = context.case.triggers.budget
    return (
        throttling.describe_budget(declared, context.night, tried_nights(context, None), context.case.schedule)
        if declared
        else ""
    )


def verdict_key(case: UseCase, night: date, earlier: Sequence[Entry]) -> str:
    """Return the ledger key of the next verdict on `night`, after those in `earlier`."""
    first = f"{case.name}:{EntryKind.JUDGED}:{night}"
    return f"{first}:{len(earlier) + 1}" if earlier else first


def declaration_digest(case: UseCase) -> str:
    """Return the digest of the use case's current declarations."""
    return recipes.declaration_digest(case, function_sources.function_sources(case))


def current_verdict(context: StepContext, earlier: Sequence[Entry]) -> Entry | None:
    """Return the current verdict; None when there is none, or when the night may be judged again.

    A first model that the gate or the acceptance tests refused may be trained again once the tables that it read, the
    declarations (budgets included) or the code have changed. When there is a champion, a night is never judged again:
    a second attempt would give the challenger a second chance.
    """
    if not earlier:
        return None
    is_first = ledger.champion(context.engine, context.case.name) is None
    if is_first and _is_refused(context, earlier[-1]) and _inputs_changed(context, earlier[-1]):
        return None
    return earlier[-1]


def _is_refused(context: StepContext, judged: Entry) -> bool:
    """Return whether the gate refused the model or, after the gate, the last acceptance tests of its package."""
    if ledger_entries.read(judged, Verdict).outcome != Outcome.PROMOTE:
        return True
    reports = ledger.entries(
        context.engine,
        use_case=context.case.name,
        kind=EntryKind.ACCEPTANCE_TESTED,
        night=judged.night,
        subject=judged.subject,
    )
    return bool(reports) and ledger_entries.read(reports[-1], AcceptanceTested).outcome == CheckStatus.FAIL


def _inputs_changed(context: StepContext, judged: Entry) -> bool:
    verdict = ledger_entries.read(judged, Verdict)
    tables = table_snapshot.take(context.case, context.settings)
    changed = [
        name for name, version in verdict.table_versions.items() if tables.version(*name.split("/", 1)) != version
    ]
    is_declared_otherwise = verdict.declared != declaration_digest(context.case)
    return bool(changed) or is_declared_otherwise or verdict.code != provenance.code_version()
