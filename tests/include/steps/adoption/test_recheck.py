"""Nothing is promoted unproven that the present evidence does not admit, whatever its verdict states."""

from collections.abc import Callable
from datetime import date

import pytest

from include.steps.adoption import recheck
from include.steps.context import StepContext
from include.stores import ledger, warehouse
from ml.errors import LedgerError
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, RolledBack
from ml.promotion.adoption.admission import Admission
from ml.usecase import Adoption
from tests.challenger import challenge
from tests.include.steps.adoption.conftest import DECLARED, Adopted, nudge, spoil

Adopt = Callable[..., Adopted]
NEXT = "2024-03-19"


def next_challenger(home: Adopted, admission: Admission | None) -> Entry:
    """Return the verdict on another refresh, judged as of NEXT and admitted on the given evidence."""
    digest = challenge(home.case, NEXT, home.settings, nudge, rule="refresh", admission=admission and str(admission))
    return ledger.entries(warehouse.engine(home.settings.warehouse_url), "taxi", EntryKind.JUDGED, subject=digest)[-1]


def require(home: Adopted, challenger: Entry) -> None:
    recheck.require_admissible(challenger, StepContext(case=home.case, settings=home.settings))


@pytest.mark.parametrize("admission", [None, Admission.PROOF], ids=["before admissions were recorded", "proof"])
def test_what_the_gate_showed_better_needs_no_allowance(adopt: Adopt, admission: Admission | None) -> None:
    home = adopt(nudge, adoption=Adoption(allowance=0))
    require(home, next_challenger(home, admission))


def test_a_refresh_within_the_allowance_may_be_promoted(adopt: Adopt) -> None:
    home = adopt(nudge)
    require(home, next_challenger(home, Admission.ALLOWANCE))


def test_an_allowance_cannot_be_overdrawn(adopt: Adopt) -> None:
    home = adopt(nudge, adoption=Adoption(allowance=1))
    with pytest.raises(LedgerError, match="1 of the allowance of 1 are used"):
        require(home, next_challenger(home, Admission.ALLOWANCE))


def test_a_licence_is_computed_and_not_believed(adopt: Adopt) -> None:
    home = adopt(nudge)
    with pytest.raises(LedgerError, match=r"its recipe has no licence \(e = 1\.0, licence at 10\)"):
        require(home, next_challenger(home, Admission.LICENCE))


@pytest.mark.parametrize("admission", [Admission.ALLOWANCE, Admission.LICENCE])
def test_after_the_harm_budget_was_used_up_nothing_is_adopted_unproven(adopt: Adopt, admission: Admission) -> None:
    home = adopt(nudge)
    challenger = next_challenger(home, admission)
    recipe = str(challenger.payload["recipe"])
    ledger.append(
        warehouse.engine(home.settings.warehouse_url),
        kind=EntryKind.ROLLED_BACK,
        use_case="taxi",
        night=date.fromisoformat(NEXT),
        subject=home.before,
        payload=RolledBack(who="g", why="the harm budget is used up", from_package=home.digest, ended_recipe=recipe),
        key="taxi:rollback:test",
    )
    with pytest.raises(LedgerError, match="the harm budget is used up"):
        require(home, challenger)


def test_a_use_case_that_no_longer_declares_an_adoption_admits_by_proof_only(adopt: Adopt) -> None:
    home = adopt(nudge, adoption=None)
    with pytest.raises(LedgerError, match="declares no adoption"):
        require(home, next_challenger(home, Admission.ALLOWANCE))
    assert DECLARED.allowance == 2


@pytest.mark.parametrize("admission", [Admission.ALLOWANCE, Admission.LICENCE])
def test_the_harm_is_computed_and_not_believed(adopt: Adopt, admission: Admission) -> None:
    home = adopt(spoil, adoption=Adoption(harm_budget=0.05))
    with pytest.raises(LedgerError, match=r"unproven models have lost [\d.]+ of the harm budget of 0\.05"):
        require(home, next_challenger(home, admission))
