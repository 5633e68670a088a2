"""Attempts at a night's training: which verdict stands, and when a first model that was refused may be tried anew."""

from collections.abc import Sequence
from datetime import date

from include.steps.context import NightContext, StepContext
from include.stores import ledger, table_snapshot
from include.usecases import function_sources
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, Verdict
from ml.promotion.gate import Outcome
from ml.retraining import throttling
from ml.training import recipes
from ml.usecase import UseCase


def verdicts(context: NightContext) -> tuple[Entry, ...]:
    """Return the verdicts on `night`, the oldest first."""
    engine = context.engine
    return ledger.entries(engine, use_case=context.case.name, kind=EntryKind.JUDGED, night=context.night)


def tried_nights(context: NightContext, champion: date | None) -> tuple[date, ...]:
    """Return the nights before `night` as of which models were tried, whoever asked, and that of the `champion`."""
    entries = ledger.entries(context.engine, use_case=context.case.name, kind=EntryKind.JUDGED)
    before = {each.night for each in entries if each.night and each.night < context.night}
    return tuple(sorted(before | ({champion} if champion else set())))


def describe_budget(context: NightContext) -> str:
    """Return in words how much of the budget was spent before `night`, which holds back no person; "" where there is none."""
    declared = context.case.triggers.budget
    return (
        throttling.describe_budget(declared, context.night, tried_nights(context, None), context.case.horizon)
        if declared
        else ""
    )


def verdict_key(case: UseCase, night: date, earlier: Sequence[Entry]) -> str:
    """Return the ledger's key of the verdict on `night` that follows those of `earlier`."""
    first = f"{case.name}:{EntryKind.JUDGED}:{night}"
    return f"{first}:{len(earlier) + 1}" if earlier else first


def declaration_digest(case: UseCase) -> str:
    """Return the digest of what the use case declares now."""
    return recipes.declaration_digest(case, function_sources.function_sources(case))


def current_verdict(context: StepContext, earlier: Sequence[Entry]) -> Entry | None:
    """Return the verdict that stands; None when there is none, or none that needs to.

    The refusal of a first model stands until the tables that it read, or the declarations, are others. With a champion
    there, another attempt at the same night would be another draw for the challenger.
    """
    if not earlier:
        return None
    verdict = ledger_entries.read(earlier[-1], Verdict)
    is_first = ledger.champion(context.engine, context.case.name) is None
    if verdict.outcome == Outcome.PROMOTE or not is_first or not _inputs_changed(context, verdict):
        return earlier[-1]
    return None


def _inputs_changed(context: StepContext, verdict: Verdict) -> bool:
    tables = table_snapshot.take(context.case, context.settings)
    changed = [
        name for name, version in verdict.table_versions.items() if tables.version(*name.split("/", 1)) != version
    ]
    return bool(changed) or verdict.declared != declaration_digest(context.case)
