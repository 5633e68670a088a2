"""The record of a recipe as of a night: its evidence, the allowance used, and the harm done, all computed anew."""

from datetime import date

from include.steps import release_state
from include.steps.adoption import line as lines
from include.steps.adoption.gains import PackageGains
from include.steps.adoption.line import RecipeLine
from include.steps.context import NightContext, StepContext
from include.stores import table_snapshot
from include.stores.table_snapshot import TableSnapshot
from ml.arrays import Floats
from ml.errors import SCORING_ERRORS
from ml.promotion.adoption import evidence, guard
from ml.promotion.adoption.admission import RecipeRecord
from ml.promotion.adoption.evidence import GainSeries

_SHORT = 12


def measure(context: NightContext, recipe: str, champion: str, tables: TableSnapshot) -> RecipeRecord | None:
    """Return the record of `recipe` as of the context's night; None if the use case declares no adoption.

    `champion` is the package in force, the anchor of a recipe without judged models. The numbers come from the stored
    features, the labels known at the time and the packages, and from no earlier record. If a package that they need is
    gone or cannot score, the record says so as the reason to adopt nothing unproven.
    """
    declared = context.case.adoption
    if declared is None:
        return None
    line = lines.read(context, recipe)
    if line is None:
        return RecipeRecord(anchor=champion[:_SHORT])
    gains = PackageGains(context=context, tables=tables, first=line.refreshes[0].night, last=context.night)
    try:
        series = block_series(context, line, gains)
        harm = harm_by_night(context, line, gains)
    except SCORING_ERRORS as error:
        return RecipeRecord(
            anchor=line.anchor[:_SHORT],
            allowance_used=line.allowance_used,
            stopped=f"its evidence cannot be computed: {error}",
        )
    known = RecipeRecord(
        anchor=line.anchor[:_SHORT],
        allowance_used=line.allowance_used,
        harm=guard.harm(harm),
        stopped=line.stopped,
    )
    return known.with_evidence(series, declared)


def present_harm(context: StepContext, recipe: str, at_least: date = date.min) -> float:
    """Return the harm of the recipe's unproven champions as of the last scored night, or `at_least` if that is later.

    It is 0 if there was no unproven champion. Raises one of `SCORING_ERRORS` when it cannot be computed.
    """
    line = lines.read(context.at(date.max), recipe)
    if line is None or not line.unproven_terms:
        return 0.0
    now = context.at(release_state.latest_night(context, max(at_least, line.terms[-1].after)))
    tables = table_snapshot.take(context.case, context.settings)
    gains = PackageGains(context=now, tables=tables, first=line.refreshes[0].night, last=now.night)
    return guard.harm(harm_by_night(now, line, gains))


def block_series(context: NightContext, line: RecipeLine, gains: PackageGains) -> GainSeries:
    """Return the gains of the recipe's refreshes over the anchor, by block."""
    refreshes = [(each.night, each.digest) for each in line.refreshes]
    return evidence.block_series(line.anchor, refreshes, context.night, context.case.schedule, gains.nightly)


def harm_by_night(context: NightContext, line: RecipeLine, gains: PackageGains) -> Floats:
    """Return the nightly gains in loss of the last proven model over the unproven champions after it, shape (m,)."""
    unproven = [
        (term.digest, context.case.schedule.previous(term.after, -1), end or context.night)
        for term, end in line.unproven_terms
    ]
    return guard.gains_of_proven(line.proven, unproven, context.night, gains.nightly)
