"""The cost of age, from stored packages of the champion's recipe on past nights: what the trigger `worth` needs."""

from datetime import date

import numpy as np

from include.steps.adoption.gains import PackageGains
from include.steps.context import NightContext
from include.steps.train import resource_trends
from include.stores import ledger, packages, warehouse
from include.stores.table_snapshot import TableSnapshot
from ml.errors import SCORING_ERRORS
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, Verdict
from ml.retraining import worth
from ml.retraining.worth import WorthFacts


def measure(
    context: NightContext, champion: str, recipe: str, trained: date, tables: TableSnapshot
) -> WorthFacts | None:
    """Return what is known as of the context's night about the cost of age; None if `worth` is not declared.

    `champion` is the package in force, of `recipe`, trained as of `trained`. The newest packages of the recipe are
    compared on the latest matured nights. A package that cannot be read or cannot score is a fault in the facts.
    """
    if context.case.triggers.worth is None:
        return None
    seconds = _training_seconds(context)
    models = _packages(context, champion, recipe, trained)
    try:
        return _measure(context, models, seconds, tables)
    except SCORING_ERRORS as error:
        fault = f"the cost of age cannot be computed: {error}"
        return WorthFacts(age_cost=None, error=None, nights=0, cpu_seconds=seconds, fault=fault)


def _measure(
    context: NightContext, models: list[tuple[date, str]], seconds: float | None, tables: TableSnapshot
) -> WorthFacts:
    """Return the facts from `models`, each with its training night and package, oldest first."""
    if len(models) < 2:
        return WorthFacts(age_cost=None, error=None, nights=0, cpu_seconds=seconds)
    nights, schedule = [night for night, _ in models], context.case.schedule
    first = worth.first_compared(nights, context.night, schedule)
    gains = PackageGains(context=context, tables=tables, first=first, last=context.night)
    by_night = gains.night_costs([digest for _, digest in models])
    return worth.facts_of(
        worth.ages(nights, list(by_night), schedule),
        np.array(list(by_night.values()), np.float64).reshape(len(by_night), len(models)),
        min_nights=context.case.triggers.min_nights,
        cpu_seconds=seconds,
    )


def _packages(context: NightContext, champion: str, recipe: str, trained: date) -> list[tuple[date, str]]:
    """Return the newest stored packages of the recipe that were judged before the night, and the champion, by night."""
    judged = [
        (entry, ledger_entries.read(entry, Verdict))
        for entry in ledger.entries(context.engine, use_case=context.case.name, kind=EntryKind.JUDGED)
    ]
    stored = set(packages.stored(context.settings.packages))
    models = {
        entry.night: entry.subject
        for entry, verdict in judged
        if entry.night is not None
        and entry.night < context.night
        and verdict.recipe == recipe
        and entry.subject in stored
    }
    if champion not in models.values():
        models[trained] = champion
    return sorted(models.items())[-worth.MODELS :]


def _training_seconds(context: NightContext) -> float | None:
    """Return the seconds that the tasks of the last training before the night took; None if none were recorded."""
    recorded = warehouse.metrics(
        context.engine,
        context.case.name,
        last_night=context.case.schedule.previous(context.night),
        metric=resource_trends.SECONDS,
    )
    latest = max((each.night for each in recorded), default=None)
    seconds = [each.value for each in recorded if each.night == latest and each.value is not None]
    return sum(seconds) if seconds else None
