"""The line of a recipe is read from the ledger: refreshes, anchor, champions, and what was used and ended."""

from collections.abc import Callable
from datetime import date

from include.steps.adoption import line as lines
from include.steps.context import NightContext, StepContext
from include.steps.prune import needs
from include.stores import ledger, warehouse
from ml.governance.ledger_entries import EntryKind, RolledBack
from ml.promotion.adoption.admission import Admission
from tests.challenger import challenge
from tests.include.steps.adoption.conftest import Adopted, nudge, promote
from tests.include.steps.conftest import LATER, NIGHT

Adopt = Callable[..., Adopted]
THIRD = "2024-03-19"


def read(home: Adopted, night: str = LATER) -> lines.RecipeLine | None:
    judged = ledger.entries(warehouse.engine(home.settings.warehouse_url), "taxi", EntryKind.JUDGED)
    return lines.read(NightContext.load_night("taxi", night), str(judged[-1].payload["recipe"]))


def read_after_third(home: Adopted, admission: Admission) -> tuple[lines.RecipeLine, str]:
    """Promote another refresh as of THIRD; return the line, and the package of the refresh."""
    third = challenge(home.case, THIRD, home.settings, nudge, rule="refresh", admission=str(admission))
    promote(home.settings, third, THIRD)
    line = read(home)
    assert line is not None
    return line, third


def test_a_line_has_refreshes_anchor_and_champions_in_order(adopt: Adopt) -> None:
    home = adopt(nudge)
    line, third = read_after_third(home, Admission.PROOF)
    assert line.anchor == home.before
    assert [(str(each.night), each.digest) for each in line.refreshes] == [(NIGHT, home.digest), (THIRD, third)]
    assert [(str(each.after), each.admission) for each in line.terms] == [
        (NIGHT, Admission.ALLOWANCE),
        (THIRD, Admission.PROOF),
    ]
    assert (line.allowance_used, line.stopped, line.proven) == (1, "", third)
    assert line.unproven_terms == ()


def test_unproven_terms_end_with_their_successor(adopt: Adopt) -> None:
    home = adopt(nudge)
    line, third = read_after_third(home, Admission.LICENCE)
    assert line.proven == home.before
    assert [(term.digest, end) for term, end in line.unproven_terms] == [
        (home.digest, date.fromisoformat(THIRD)),
        (third, None),
    ]


def test_a_refresh_that_was_judged_and_not_adopted_leaves_a_line_without_champions() -> None:
    refresh = lines.Refresh(night=date.fromisoformat(NIGHT), digest="d" * 64)
    line = lines.RecipeLine(recipe="r" * 64, anchor="a" * 64, refreshes=(refresh,), terms=(), stopped="")
    assert (line.proven, line.unproven_terms, line.allowance_used) == ("a" * 64, (), 0)


def test_a_line_before_a_night_knows_nothing_of_that_night(adopt: Adopt) -> None:
    home = adopt(nudge)
    assert read(home, NIGHT) is None
    line = read(home, "2024-03-18")
    assert line is not None
    assert [str(each.night) for each in line.refreshes] == [NIGHT]


def test_a_rollback_is_a_term_without_admission(adopt: Adopt) -> None:
    home = adopt(nudge)
    ledger.append(
        warehouse.engine(home.settings.warehouse_url),
        kind=EntryKind.ROLLED_BACK,
        use_case="taxi",
        night=date.fromisoformat(THIRD),
        subject=home.before,
        payload=RolledBack(who="tess", why="it answered oddly", from_package=home.digest),
        key="taxi:rollback:test",
    )
    line = read(home)
    assert line is not None
    assert [(each.digest, each.admission) for each in line.terms] == [
        (home.digest, Admission.ALLOWANCE),
        (home.before, None),
    ]
    assert line.stopped == ""


def test_packages_that_are_evidence_are_not_pruned(adopt: Adopt) -> None:
    home = adopt(nudge)
    rejected = challenge(home.case, THIRD, home.settings, nudge, rule="refresh", outcome="keep", admission=None)
    pinned = needs.find(StepContext(case=home.case, settings=home.settings)).pinned
    assert {home.before, home.digest, rejected} <= pinned.keys()
    assert pinned[rejected] == "its gains are evidence for its recipe"
