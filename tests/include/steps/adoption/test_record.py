"""The record of a recipe is computed from scores and labels: it is the same as one computed row by row."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from include.steps.adoption import line as lines
from include.steps.adoption import record
from include.steps.adoption.gains import PackageGains
from include.steps.context import NightContext
from include.stores import ledger, packages, table_snapshot, warehouse
from ml.governance.ledger_entries import EntryKind
from ml.packaging import package_files
from ml.promotion.adoption import evidence
from ml.promotion.adoption.evidence import GainSeries
from tests.challenger import challenge
from tests.include.steps.adoption.conftest import Adopted, nudge, spoil
from tests.include.steps.conftest import LATER

Adopt = Callable[..., Adopted]
EARLY = "2024-03-02"


def recipe_of(home: Adopted) -> str:
    judged = ledger.entries(warehouse.engine(home.settings.warehouse_url), "taxi", EntryKind.JUDGED)
    return str(judged[-1].payload["recipe"])


def measure(home: Adopted, night: str = LATER) -> record.RecipeRecord:
    context = NightContext.load_night("taxi", night)
    tables = table_snapshot.take(context.case, context.settings)
    measured = record.measure(context, recipe_of(home), home.before, tables)
    assert measured is not None
    return measured


def nightly_gain(home: Adopted, champion: str, challenger: str, first: date, last: date) -> list[float]:
    """Return the mean gain of each night with labels, row by row."""
    context = NightContext.load_night("taxi", LATER)
    gains = PackageGains(
        context=context,
        tables=table_snapshot.take(context.case, context.settings),
        first=line(home, EARLY).refreshes[0].night,
        last=context.night,
    )
    rows = gains.labelled(first, last, context.night)
    losses = []
    for digest in (champion, challenger):
        files = packages.get(home.settings.packages, digest, home.settings.trusted_keys)
        model = package_files.load(files)
        scores = np.array([model.predict_row(row) for row in rows.frame.to_dict("records")])
        losses.append(-np.log(np.where(rows.labels == 1, scores, 1 - scores)))
    gain = losses[0] - losses[1]
    return [float(gain[rows.nights == night].mean()) for night in np.unique(rows.nights)]


def line(home: Adopted, first_night: str) -> lines.RecipeLine:
    result = lines.read(NightContext.load_night("taxi", LATER), recipe_of(home))
    assert result is not None
    assert str(result.refreshes[0].night) == first_night
    return result


def test_evidence_and_harm_are_those_counted_row_by_row(adopt: Adopt) -> None:
    home = adopt(spoil)
    early = challenge(home.case, EARLY, home.settings, nudge, rule="refresh", champion=home.before)
    measured = measure(home)
    block = nightly_gain(home, home.before, early, date(2024, 3, 3), date(2024, 3, 9))
    series = GainSeries(loss=np.array([np.mean(block)]), centred_loss=None, nights_per_value=7)
    assert home.case.adoption is not None
    assert measured.evidence == pytest.approx(evidence.e_values(series, home.case.adoption)[-1])
    harm = nightly_gain(home, home.digest, home.before, date(2024, 3, 18), date(2024, 3, 21))
    assert measured.harm == pytest.approx(sum(harm))
    assert measured.harm > 1
    assert (measured.anchor, measured.allowance_used) == (home.before[:12], 1)
    assert not measured.is_licensed


def test_a_recipe_without_judged_models_has_the_champion_as_anchor(adopt: Adopt) -> None:
    home = adopt(nudge)
    context = NightContext.load_night("taxi", LATER)
    result = record.measure(context, "another recipe", home.digest, table_snapshot.take(context.case, context.settings))
    assert result == record.RecipeRecord(anchor=home.digest[:12])


def test_evidence_that_cannot_be_computed_stops_unproven_adoptions(adopt: Adopt) -> None:
    home = adopt(spoil)
    folder = next(each for each in home.settings.packages.iterdir() if each.name.startswith(home.before))
    folder.rename(folder.with_name("gone"))
    assert measure(home).stopped.startswith("its evidence cannot be computed: ")


def test_the_record_as_of_a_night_does_not_change_with_later_nights(adopt: Adopt) -> None:
    home = adopt(spoil)
    early = measure(home, "2024-03-19")
    challenge(home.case, "2024-03-20", home.settings, nudge, rule="refresh")
    assert measure(home, "2024-03-19") == early
