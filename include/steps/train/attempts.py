"""Attempts at a night's training: which verdict stands, and when a first model that was refused may be tried anew."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from include.settings import Settings
from include.stores import ledger, table_snapshot, warehouse
from include.usecases import function_sources
from ml.governance.hash_chain import Entry
from ml.promotion.gate import Outcome
from ml.retraining import throttling
from ml.training import recipes
from ml.usecase import UseCase


def judged(case: UseCase, night: date, settings: Settings) -> tuple[Entry, ...]:
    """Return the verdicts on `when`, the oldest first."""
    return ledger.entries(warehouse.engine(settings.warehouse_url), use_case=case.name, kind="judged", night=night)


def tried(case: UseCase, night: date, champion: date | None, settings: Settings) -> tuple[date, ...]:
    """Return the nights before `night` as of which models were tried, whoever asked, and that of the `champion`."""
    judged = ledger.entries(warehouse.engine(settings.warehouse_url), use_case=case.name, kind="judged")
    before = {each.night for each in judged if each.night and each.night < night}
    return tuple(sorted(before | ({champion} if champion else set())))


def budget(case: UseCase, night: date, settings: Settings) -> str:
    """Return in words how much of the budget was spent before `night`, which holds back no person; "" where there is none."""
    declared = case.triggers.budget
    return throttling.told(declared, night, tried(case, night, None, settings), case.horizon) if declared else ""


def key(case: UseCase, night: date, before: Sequence[Entry]) -> str:
    """Return the ledger's key of the verdict on `when` that follows those `before`."""
    first = f"{case.name}:judged:{night}"
    return f"{first}:{len(before) + 1}" if before else first


def declared(case: UseCase) -> str:
    """Return the digest of what the use case declares now."""
    return recipes.declared(case, function_sources.sources(case))


def standing(case: UseCase, before: Sequence[Entry], settings: Settings) -> Entry | None:
    """Return the verdict that stands; None when there is none, or none that needs to.

    The refusal of a first model stands until the tables that it read, or the declarations, are others. With a champion
    there, another attempt at the same night would be another draw for the challenger.
    """
    if not before:
        return None
    told: Mapping[str, Any] = before[-1].payload
    first = ledger.champion(warehouse.engine(settings.warehouse_url), case.name) is None
    if told["outcome"] == Outcome.PROMOTE or not first or not _mended(case, told, settings):
        return before[-1]
    return None


def _mended(case: UseCase, told: Mapping[str, Any], settings: Settings) -> bool:
    tables = table_snapshot.take(case, settings)
    changed = [name for name, version in told["reads"].items() if tables.version(*name.split("/", 1)) != version]
    return bool(changed) or told.get("declared") != declared(case)
