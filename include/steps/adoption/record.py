"""The record of a recipe as of a night: its evidence, the allowance used, and the harm done, all computed anew."""

import numpy as np

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
    gains = package_gains(context, line, tables)
    try:
        series = block_series(context, line, gains)
        harm = harm_by_night(context, line, gains)
    except (PackageError, DataError) as error:
        return RecipeRecord(
            anchor=line.anchor[:_SHORT],
            allowance_used=line.allowance_used,
            stopped=f"its evidence cannot be computed: {error}",
        )
    e_values = evidence.e_values(series, declared)
    return RecipeRecord(
        anchor=line.anchor[:_SHORT],
        evidence=float(e_values[-1]) if len(e_values) else 1.0,
        is_licensed=evidence.reached(series, declared, declared.licence) is not None,
        allowance_used=line.allowance_used,
        harm=guard.harm(harm),
        stopped=line.stopped,
    )


def package_gains(context: NightContext, line: RecipeLine, tables: TableSnapshot) -> PackageGains:
    """Return the gains between packages since the first refresh of the line was judged."""
    return PackageGains(context=context, tables=tables, first=line.refreshes[0].night, last=context.night)


def block_series(context: NightContext, line: RecipeLine, gains: PackageGains) -> GainSeries:
    """Return the gains over the anchor by block, each of the refresh that was the newest when the block began."""
    horizon = context.case.horizon
    found = []
    for first, last in evidence.blocks(line.refreshes[0].night, context.night, horizon):
        newest = [each for each in line.refreshes if each.night < first][-1]
        known = horizon.previous(last, -horizon.nights_per_block)
        series = gains.nightly(line.anchor, newest.digest, first, last, known)
        if series is not None:
            found.append(evidence.block(series))
    return evidence.join(found, horizon.nights_per_block)


def harm_by_night(context: NightContext, line: RecipeLine, gains: PackageGains) -> Floats:
    """Return the nightly gains in loss of the last proven model over the unproven champions after it, shape (m,)."""
    by_term = []
    for term, end in line.unproven_terms:
        first, last = context.case.horizon.previous(term.after, -1), end or context.night
        series = gains.nightly(term.digest, line.proven, first, last, context.night)
        if series is not None:
            by_term.append(series.loss)
    return np.concatenate(by_term) if by_term else np.zeros(0)
