"""The record of a recipe as of a night: its evidence, the allowance used, and the harm done, all computed anew."""

from include.steps.adoption import line as lines
from include.steps.adoption.gains import PackageGains
from include.steps.adoption.line import RecipeLine
from include.steps.context import NightContext
from include.stores.table_snapshot import TableSnapshot
from ml.arrays import Floats
from ml.errors import DataError, PackageError
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
    except (PackageError, DataError) as error:
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


def block_series(context: NightContext, line: RecipeLine, gains: PackageGains) -> GainSeries:
    """Return the gains of the recipe's refreshes over the anchor, by block."""
    refreshes = [(each.night, each.digest) for each in line.refreshes]
    return evidence.block_series(line.anchor, refreshes, context.night, context.case.horizon, gains.nightly)


def harm_by_night(context: NightContext, line: RecipeLine, gains: PackageGains) -> Floats:
    """Return the nightly gains in loss of the last proven model over the unproven champions after it, shape (m,)."""
    unproven = [
        (term.digest, context.case.horizon.previous(term.after, -1), end or context.night)
        for term, end in line.unproven_terms
    ]
    return guard.gains_of_proven(line.proven, unproven, context.night, gains.nightly)
