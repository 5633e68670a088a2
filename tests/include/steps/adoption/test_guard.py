"""The guard puts a model back that was shown worse, once, whatever interrupts it, and says why."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from include import usecases
from include.settings import Settings
from include.steps import release_state
from include.steps.adoption import guard, record, standing_approval
from include.steps.adoption import line as lines
from include.steps.context import NightContext, StepContext
from include.steps.features import build
from include.stores import ledger, packages, routing_store, table_snapshot, warehouse
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, RolledBack, Verdict
from ml.usecase import Adoption, AsOf, periods
from tests.include.steps.adoption.conftest import DECLARED, Adopted, nudge, spoil
from tests.include.steps.conftest import LATER, NIGHT, WRITES, contents
from tests.killing import Killed, killed_after

Adopt = Callable[..., Adopted]


def champion(settings: Settings) -> Entry:
    result = ledger.champion(warehouse.engine(settings.warehouse_url), "taxi")
    assert result is not None
    return result


def alerts(settings: Settings) -> list[str]:
    return [
        each.message
        for each in warehouse.alerts(warehouse.engine(settings.warehouse_url), "taxi")
        if each.kind == "adoption"
    ]


def test_a_model_that_is_shown_worse_gives_way_to_its_predecessor(adopt: Adopt) -> None:
    home = adopt(spoil)
    assert guard.examine("taxi", LATER) == home.before
    entry = champion(home.settings)
    rolled_back = ledger_entries.read(entry, RolledBack)
    assert (entry.kind, entry.subject) == (EntryKind.ROLLED_BACK, home.before)
    assert rolled_back.from_package == home.digest
    assert rolled_back.why.startswith("rolled back: shown worse than its predecessor after ")
    assert rolled_back.ended_recipe is None
    routing = routing_store.current("taxi", home.settings)
    assert routing.champion == home.before
    assert alerts(home.settings) == [rolled_back.why]


def test_a_model_that_is_as_good_stays(adopt: Adopt) -> None:
    home = adopt(nudge)
    assert guard.examine("taxi", LATER) is None
    assert champion(home.settings).subject == home.digest
    assert alerts(home.settings) == []


def test_labels_of_nights_to_come_are_not_known_yet(adopt: Adopt) -> None:
    home = adopt(spoil)
    assert guard.examine("taxi", NIGHT) is None
    assert champion(home.settings).subject == home.digest


@pytest.mark.parametrize("adoption", [None, Adoption(rollback=1e9, harm_budget=1e9)], ids=["off", "never shown"])
def test_without_evidence_or_declaration_nothing_is_put_back(adopt: Adopt, adoption: Adoption | None) -> None:
    home = adopt(spoil, adoption=adoption)
    assert guard.examine("taxi", LATER) is None
    assert champion(home.settings).subject == home.digest


def test_a_budget_that_is_used_up_puts_the_last_proven_model_back_and_ends_the_adoption(adopt: Adopt) -> None:
    home = adopt(spoil, adoption=Adoption(rollback=1e9, harm_budget=0.5))
    assert guard.examine("taxi", LATER) == home.before
    rolled_back = ledger_entries.read(champion(home.settings), RolledBack)
    assert "harm budget" in rolled_back.why
    assert rolled_back.ended_recipe
    line = lines.read(NightContext.load_night("taxi", "2024-04-01"), rolled_back.ended_recipe)
    assert line is not None
    assert line.stopped == rolled_back.why
    assert (line.anchor, line.allowance_used) == (home.before, 1)


def test_the_smaller_budget_of_a_standing_approval_counts(adopt: Adopt, monkeypatch: pytest.MonkeyPatch) -> None:
    home = adopt(spoil, adoption=Adoption(rollback=1e9, harm_budget=1e9))
    monkeypatch.setattr(standing_approval, "harm_budget", lambda _, standing, declared: min(declared, 0.5))
    assert guard.examine("taxi", LATER) == home.before
    assert "of 0.5 lost" in ledger_entries.read(champion(home.settings), RolledBack).why


def test_a_second_examination_changes_nothing(adopt: Adopt) -> None:
    home = adopt(spoil)
    guard.examine("taxi", LATER)
    before = contents(home.settings)
    assert guard.examine("taxi", LATER) is None
    assert contents(home.settings) == before


def test_killed_anywhere_and_run_again_it_ends_the_same(adopt: Adopt) -> None:
    home = adopt(spoil)
    with killed_after(0, WRITES) as writes:
        guard.examine("taxi", LATER)
    expected = contents(home.settings)
    assert len(writes) >= 3
    for number in range(1, len(writes) + 1):
        again = adopt(spoil)
        with killed_after(number, WRITES), pytest.raises(Killed):
            guard.examine("taxi", LATER)
        guard.examine("taxi", LATER)
        result = contents(again.settings)
        assert {name: result[name] for name in result if "alerts" not in name} == {
            name: expected[name] for name in expected if "alerts" not in name
        }


def test_a_package_that_is_gone_is_an_alert_and_the_champion_stays(adopt: Adopt, monkeypatch: Any) -> None:
    home = adopt(spoil)
    folder = next(each for each in home.settings.packages.iterdir() if each.name.startswith(home.before))
    folder.rename(folder.with_name("gone"))
    assert guard.examine("taxi", LATER) is None
    assert champion(home.settings).subject == home.digest
    assert [each for each in alerts(home.settings) if "cannot be compared" in each]
    assert home.before not in packages.stored(home.settings.packages)


@pytest.mark.parametrize(
    "features",
    [lambda each: replace(each, within_hours=1.5), lambda _: None],
    ids=["of another meaning", "no longer declared"],
)
def test_models_are_not_compared_on_features_that_are_not_theirs(
    adopt: Adopt, monkeypatch: Any, features: Callable[[AsOf], AsOf | None]
) -> None:
    home = adopt(spoil)
    redeclared = [features(each) if isinstance(each, AsOf) else each for each in home.case.features]
    case = replace(home.case, features=tuple(each for each in redeclared if each is not None))
    monkeypatch.setattr(usecases, "get", lambda _: case)
    for night in periods.parse(f"{NIGHT}..{LATER}"):
        build.build("taxi", str(night))
    assert guard.examine("taxi", LATER) is None
    assert champion(home.settings).subject == home.digest
    (alert,) = alerts(home.settings)
    assert "cannot be compared with the model that it replaced: expected the feature table of" in alert
    context = NightContext.load_night("taxi", LATER)
    verdict = ledger.entries(context.engine, "taxi", EntryKind.JUDGED)[-1]
    recipe, tables = str(ledger_entries.read(verdict, Verdict).recipe), table_snapshot.take(case, home.settings)
    stopped = record.measure(context, recipe, home.digest, tables).stopped
    assert stopped.startswith("its evidence cannot be computed: expected the feature table of")


def test_the_state_is_the_same_whenever_the_ledger_is_replayed(adopt: Adopt) -> None:
    home = adopt(spoil)
    guard.examine("taxi", LATER)
    context = StepContext(case=home.case, settings=home.settings)
    state = release_state.current(context)
    assert (state.champion, state.standby) == (home.before, None)
    assert home.digest in state.rolled_back
    line = lines.read(context.at(date.max), guard._recipe(context.at(date.max), home.digest))
    assert line is not None
    assert [(each.digest, each.admission and str(each.admission)) for each in line.terms] == [
        (home.digest, "allowance"),
        (home.before, None),
    ]
    assert DECLARED.allowance == 2
