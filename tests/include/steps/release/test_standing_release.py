"""A release under a standing approval asks nobody; forged, overdrawn, expired or revoked, it asks two people again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from include import usecases
from include.cli.main import app
from include.dashboard import pages
from include.settings import Settings
from include.steps import release
from include.steps.adoption import standing_approval, standing_proposal
from include.steps.adoption.standing_proposal import Bounds
from include.steps.context import NightContext, StepContext
from include.steps.release import standing_evidence, standing_release, standing_request
from include.stores import approvals, ledger, warehouse
from include.stores.approvals import Approval
from ml.errors import ApprovalError, LedgerError, RequestError
from ml.governance import ledger_entries
from ml.governance.ledger_entries import (
    Aborted,
    EntryKind,
    Promoted,
    RolledBack,
    StandingLapsed,
    StandingProposed,
    TrafficShifted,
)
from ml.usecase import Adoption, Permission, Roles
from tests import recorded
from tests.challenger import challenge
from tests.include.steps.conftest import NIGHT
from tests.include.steps.release.conftest import PEOPLE, approve, champion, night, routed

WHY = "routine refreshes of this recipe"
TODAY = date(2026, 5, 4)
BOUNDS = Bounds(adoptions=2, nights_between=1, harm_budget=0.2, until=TODAY + timedelta(days=30))
REQUEST = "manual__1"


@pytest.fixture(autouse=True)
def _fixed_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the day the same for the whole test, also when it runs across midnight."""
    monkeypatch.setattr(standing_approval, "today", lambda: TODAY)


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of a use case that declares an adoption."""
    case = replace(usecases.get("taxi"), adoption=Adoption())
    monkeypatch.setattr(usecases, "get", lambda _: case)
    return settings


def give(bounds: Bounds = BOUNDS, request: str = REQUEST, choices: tuple[str, ...] = ("Approve", "Approve")) -> str:
    """Propose a standing approval, let both roles answer, and return its digest."""
    proposed = standing_proposal.propose("taxi", request, bounds, "tess", WHY)
    for (role, user), choice in zip(PEOPLE, choices, strict=False):
        release.approve_standing("taxi", request, role, user, choice)
    return proposed.digest


def refresh(settings: Settings, night: str = NIGHT, **fields: Any) -> str:
    """Return a refresh of the champion's recipe that the gate admitted."""
    return challenge(usecases.get("taxi"), night, settings, rule="refresh", admission="proof", **fields)


def to_first_share(settings: Settings) -> str:
    """Bring a refresh to its first share without asking anybody."""
    digest = refresh(settings)
    release.shadow("taxi", NIGHT)
    night(0)
    assert release.is_covered("taxi", NIGHT)
    release.shift_traffic("taxi", NIGHT)
    assert routed(settings).canary == 0.5
    return digest


def let_it_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing_approval, "today", lambda: TODAY + timedelta(days=31))


def test_a_covered_refresh_is_released_without_asking_and_names_what_it_relies_on(home: Settings) -> None:
    standing, digest = give(), to_first_share(home)
    assert night(1) is None
    assert night(2) == "announce_champion"
    assert champion(home) == digest
    (shifted, _) = recorded.payloads(home, EntryKind.TRAFFIC_SHIFTED, TrafficShifted)
    promoted = recorded.payloads(home, EntryKind.PROMOTED, Promoted)[-1]
    assert {shifted.standing, promoted.standing} == {standing}
    assert promoted.approved_by == ("tess", "bob")
    approval = standing_approval.newest(StepContext.load("taxi"))
    assert approval is not None
    assert "1 of 2 adoptions used" in standing_approval.describe(approval, StepContext.load("taxi"))[1]
    ledger.verify(warehouse.engine(home.warehouse_url))


@pytest.mark.parametrize(
    "choices", [("Approve",), (), ("Approve", "Reject")], ids=["one answer", "no answer", "a rejection"]
)
def test_a_proposal_that_not_every_role_approved_covers_nothing(home: Settings, choices: tuple[str, ...]) -> None:
    standing_proposal.propose("taxi", REQUEST, BOUNDS, "tess", WHY)
    for (role, user), choice in zip(PEOPLE, choices, strict=False):
        release.approve_standing("taxi", REQUEST, role, user, choice)
    refresh(home)
    assert not release.is_covered("taxi", NIGHT)
    with pytest.raises(ApprovalError, match="the standing approval .* was not given"):
        standing_proposal.require_granted("taxi", REQUEST)


def test_its_page_shows_it_before_any_refresh_and_names_it_beside_a_champion_that_it_let_in(home: Settings) -> None:
    def page() -> str:
        return pages.use_case(home, "taxi", datetime(2026, 5, 4, tzinfo=UTC), "/ratchet")

    assert "Standing approval" not in page()
    standing = give()
    assert f"{standing[:12]}, given by tess and bob: 0 of 2 adoptions" in page()
    to_first_share(home)
    night(1)
    night(2)
    assert f"{standing[:12]}, given by tess and bob: 1 of 2 adoptions" in page()
    assert f'in the standing approval <code title="{standing}">' in page()


def test_one_person_in_both_roles_gives_no_standing_approval(home: Settings) -> None:
    standing_proposal.propose("taxi", REQUEST, BOUNDS, "tess", WHY)
    for role, _ in PEOPLE:
        release.approve_standing("taxi", REQUEST, role, "tess", "Approve")
    refresh(home)
    assert not release.is_covered("taxi", NIGHT)


def test_an_answer_about_other_terms_gives_nothing(home: Settings) -> None:
    first = standing_proposal.propose("taxi", REQUEST, BOUNDS, "tess", WHY)
    for role, user in PEOPLE:
        release.approve_standing("taxi", REQUEST, role, user, "Approve")
    engine = warehouse.engine(home.warehouse_url)
    wider = standing_proposal.propose("taxi", "manual__2", replace(BOUNDS, adoptions=50), "eve", WHY)
    for each in ledger.entries(engine, "taxi", EntryKind.APPROVED, subject=first.digest):
        ledger.append(
            engine,
            kind=EntryKind.APPROVED,
            use_case="taxi",
            night=wider.night,
            subject=wider.digest,
            payload=ledger_entries.read(each, ledger_entries.ApprovalRecord),
            key=f"replayed:{each.seq}",
        )
    approval = standing_approval.newest(StepContext.load("taxi"))
    assert approval is not None
    assert (approval.digest, approval.terms.adoptions) == (first.digest, 2)


def test_terms_changed_in_the_table_after_they_were_approved_cover_nothing(home: Settings) -> None:
    give()
    refresh(home)
    assert release.is_covered("taxi", NIGHT)
    engine, table = warehouse.engine(home.warehouse_url), warehouse.tables.ledger
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_refuses_update")
        connection.execute(
            sa.update(table)
            .where(table.c.kind == EntryKind.STANDING_PROPOSED)
            .values(payload=sa.func.replace(table.c.payload, '"adoptions":2', '"adoptions":9'))
        )
    assert not release.is_covered("taxi", NIGHT)


def test_an_approval_signed_with_another_key_gives_nothing(home: Settings) -> None:
    proposed = standing_proposal.propose("taxi", REQUEST, BOUNDS, "tess", WHY)
    assert proposed.night is not None
    for role, user in PEOPLE:
        forged = Approval(
            use_case="taxi",
            night=proposed.night,
            role=role,
            user=user,
            choice="approved",
            digest=proposed.digest,
            evidence=proposed.digest,
        )
        approvals.record(warehouse.engine(home.warehouse_url), b"x" * 32, forged)
    refresh(home)
    assert not release.is_covered("taxi", NIGHT)


Fault = Callable[[Settings, pytest.MonkeyPatch], None]


def change_rules(_: Settings, patch: pytest.MonkeyPatch) -> None:
    case = usecases.get("taxi")
    looser = replace(case, adoption=Adoption(max_score_shift=0.9))
    patch.setattr(usecases, "get", lambda _: looser)


def let_expire(_: Settings, patch: pytest.MonkeyPatch) -> None:
    let_it_expire(patch)


def revoke(_: Settings, __: pytest.MonkeyPatch) -> None:
    standing_release.revoke("taxi", "bob", "the weather changed a lot")


def use_up(settings: Settings, _: pytest.MonkeyPatch) -> None:
    approval = standing_approval.newest(StepContext.load("taxi"))
    assert approval is not None
    for number in range(2):
        ledger.append(
            warehouse.engine(settings.warehouse_url),
            kind=EntryKind.PROMOTED,
            use_case="taxi",
            night=date(2024, 3, 10),
            subject=champion(settings),
            payload=Promoted(approved_by=("tess", "bob"), evidence="e" * 64, standing=approval.digest),
            key=f"used:{number}",
        )


def roll_back(settings: Settings, patch: pytest.MonkeyPatch) -> None:
    use_up(settings, patch)
    ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=EntryKind.ROLLED_BACK,
        use_case="taxi",
        night=date(2024, 3, 12),
        subject=champion(settings),
        payload=RolledBack(who="the guard", why="shown worse", from_package=champion(settings)),
        key="rolled back",
    )


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (change_rules, "are declared otherwise than when it was approved"),
        (let_expire, "it ended on"),
        (revoke, "it was revoked: bob: the weather changed a lot"),
        (use_up, "all 2 adoptions that it allows were made"),
    ],
)
def test_what_ended_covers_nothing_more_and_the_release_says_why(
    home: Settings, monkeypatch: pytest.MonkeyPatch, fault: Fault, reason: str
) -> None:
    give()
    fault(home, monkeypatch)
    refresh(home)
    release.shadow("taxi", NIGHT)
    night(0)
    assert not release.is_covered("taxi", NIGHT)
    with pytest.raises(ApprovalError, match=f"the approval of 'tech_lead' is missing .*{reason}"):
        release.shift_traffic("taxi", NIGHT)
    approve()
    release.shift_traffic("taxi", NIGHT)
    assert recorded.payloads(home, EntryKind.TRAFFIC_SHIFTED, TrafficShifted)[0].standing is None


def test_a_rollback_of_a_model_that_it_let_in_ends_it(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    give(replace(BOUNDS, adoptions=3))
    roll_back(home, monkeypatch)
    refresh(home)
    assert not release.is_covered("taxi", NIGHT)
    coverage = standing_release.cover(
        ledger.entries(warehouse.engine(home.warehouse_url), "taxi", EntryKind.JUDGED)[-1], StepContext.load("taxi")
    )
    assert "was rolled back" in coverage.refusal


@pytest.mark.parametrize(
    "fields",
    [{"rule": "change"}, {"rule": "bootstrap"}, {"recipe": "s" * 64, "rule": "change"}],
    ids=["change", "first", "recipe"],
)
def test_no_standing_approval_admits_a_change_of_recipe(home: Settings, fields: dict[str, str]) -> None:
    give()
    challenge(usecases.get("taxi"), NIGHT, home, admission="proof", **fields)
    assert not release.is_covered("taxi", NIGHT)


def test_expired_in_the_middle_of_a_release_it_asks_two_people_once(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    give()
    before, digest = champion(home), to_first_share(home)
    let_it_expire(monkeypatch)
    assert night(1) == "request_approvals"
    assert routed(home).canary == 0.5
    assert [each.trained_night for each in recorded.payloads(home, EntryKind.STANDING_LAPSED, StandingLapsed)] == [
        date.fromisoformat(NIGHT)
    ]
    assert night(2) is None
    assert (champion(home), routed(home).canary) == (before, 0.5)
    assert release.shadow("taxi", NIGHT)
    assert not release.is_covered("taxi", NIGHT)
    approve()
    assert not release.shift_traffic("taxi", NIGHT)
    assert night(3) is None
    assert (champion(home), routed(home).challenger, routed(home).canary) == (before, digest, 1.0)


def test_a_rejection_after_it_expired_takes_the_traffic_away_at_once(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    give()
    to_first_share(home)
    let_it_expire(monkeypatch)
    night(1)
    release.approve("taxi", NIGHT, *PEOPLE[0], "Reject")
    assert routed(home).challenger is None


def test_revoked_while_a_canary_is_under_way_the_challenger_answers_nothing_more(home: Settings) -> None:
    standing, before, digest = give(), champion(home), to_first_share(home)
    assert standing_release.revoke("taxi", "bob", "the weather changed a lot") == (standing,)
    assert (routed(home).champion, routed(home).challenger) == (before, None)
    (aborted,) = recorded.payloads(home, EntryKind.ABORTED, Aborted)
    assert (aborted.who, aborted.share) == ("bob", 0.5)
    assert night(1) is None
    with pytest.raises(ApprovalError, match="it was revoked"):
        release.promote("taxi", NIGHT)
    assert champion(home) != digest
    with pytest.raises(RequestError, match="no standing approval that could be revoked"):
        standing_release.revoke("taxi", "bob", "the weather changed a lot")


def test_a_revocation_that_was_interrupted_is_completed(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    give()
    to_first_share(home)
    with monkeypatch.context() as patch:
        patch.setattr(standing_release, "_abort_release", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            standing_release.revoke("taxi", "bob", "the weather changed a lot")
    assert routed(home).canary == 0.5
    assert standing_release.revoke("taxi", "bob", "the weather changed a lot") == ()
    assert routed(home).challenger is None


def test_a_release_that_people_approved_survives_a_revocation(home: Settings) -> None:
    refresh(home)
    release.shadow("taxi", NIGHT)
    night(0)
    approve()
    give()
    release.shift_traffic("taxi", NIGHT)
    standing_release.revoke("taxi", "bob", "the weather changed a lot")
    assert routed(home).canary == 0.5


def test_a_revocation_between_decision_and_entry_is_not_overtaken(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    give()
    refresh(home)
    release.shadow("taxi", NIGHT)
    night(0)
    decide = standing_release.cover

    def decide_then_revoke(*given: Any) -> Any:
        coverage = decide(*given)
        standing_release.revoke("taxi", "bob", "the weather changed a lot")
        return coverage

    monkeypatch.setattr(standing_release, "cover", decide_then_revoke)
    with pytest.raises(LedgerError, match=r"entry \d+ \(standing_revoked\) was recorded since"):
        release.shift_traffic("taxi", NIGHT)
    assert routed(home).canary == 0.0


def test_after_a_revocation_no_older_standing_approval_comes_back(home: Settings) -> None:
    first, second = give(), give(request="manual__2")
    assert set(standing_release.revoke("taxi", "bob", "the weather changed a lot")) == {first, second}
    refresh(home)
    assert not release.is_covered("taxi", NIGHT)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (replace(BOUNDS, adoptions=0), "expected 1 or more adoptions, got 0"),
        (replace(BOUNDS, nights_between=0), "expected 1 or more nights"),
        (replace(BOUNDS, harm_budget=0.4), r"at most the declared 0\.3, got 0\.4"),
        (replace(BOUNDS, harm_budget=0.0), "expected a harm budget above 0"),
        (replace(BOUNDS, harm_budget=float("nan")), "expected a harm budget above 0"),
        (replace(BOUNDS, until=TODAY - timedelta(days=1)), "expected an end from"),
        (replace(BOUNDS, until=TODAY + timedelta(days=367)), "at most 366 days away"),
    ],
)
def test_bounds_out_of_range_are_refused(home: Settings, bounds: Bounds, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        standing_proposal.propose("taxi", REQUEST, bounds, "tess", WHY)
    assert recorded.payloads(home, EntryKind.STANDING_PROPOSED, StandingProposed) == ()


def test_who_may_not_release_neither_proposes_nor_revokes(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    case = replace(usecases.get("taxi"), roles=Roles(release=("tess",)))
    monkeypatch.setattr(usecases, "get", lambda _: case)
    give()
    for act in (
        lambda: standing_proposal.propose("taxi", "manual__2", BOUNDS, "eve", WHY),
        lambda: standing_release.revoke("taxi", "eve", "the weather changed a lot"),
    ):
        with pytest.raises(RequestError, match=f"{Permission.RELEASE}: expected a request by tess"):
            act()


def test_the_form_proposes_or_revokes(home: Settings) -> None:
    form = {
        "revoke": False,
        "until": str(BOUNDS.until),
        "adoptions": 2,
        "nights_between": 1,
        "harm_budget": 0.2,
        "why": WHY,
    }
    digest = standing_request.handle("taxi", REQUEST, "tess", form)
    assert standing_request.handle("taxi", REQUEST, "tess", form) == digest
    with pytest.raises(RequestError, match="expected the last day"):
        standing_request.handle("taxi", "manual__2", "tess", form | {"until": None})
    assert standing_request.handle("taxi", "manual__3", "tess", form | {"revoke": True}) is None
    (proposed,) = recorded.payloads(home, EntryKind.STANDING_PROPOSED, StandingProposed)
    assert (proposed.adoptions, proposed.harm_budget, proposed.who) == (2, 0.2, "tess")


def test_approvers_read_terms_and_the_worst_case(home: Settings) -> None:
    give(choices=())
    text = standing_evidence.render("taxi", REQUEST)
    for part in (
        "| adoptions | 2 models at most |",
        "at least 1 nights between two trainings",
        "0.2 in log loss beyond the last proven model",
        "**No backtest is behind it.**",
        "No refresh of this recipe was judged yet.",
    ):
        assert part in text


def test_the_harm_budget_of_what_it_let_in_is_the_smaller_one(home: Settings) -> None:
    context, standing = StepContext.load("taxi"), give()
    budgets = [standing_approval.harm_budget(context, each, 0.3) for each in (standing, None, "another")]
    assert budgets == [0.2, 0.3, 0.3]
    assert standing_approval.harm_budget(context, standing, 0.1) == 0.1


def test_a_release_that_relies_on_nothing_never_lapses(home: Settings) -> None:
    refresh(home)
    release.shadow("taxi", NIGHT)
    night(0)
    approve()
    release.shift_traffic("taxi", NIGHT)
    context = NightContext.load_night("taxi", "2024-03-19")
    rollout = release.release_state.current(context).challenger
    assert rollout is not None
    assert standing_release.lapse(rollout, context) is None


def test_the_command_line_shows_what_is_left_and_revokes(home: Settings) -> None:
    run = CliRunner()

    def show() -> str:
        return run.invoke(app, ["standing-approval", "show", "taxi"]).output

    assert "has no standing approval: two people approve each model" in show()
    digest = give()
    assert f"standing approval {digest}, given by tess and bob" in show()
    assert "0 of 2 adoptions used" in show()
    assert "in force" in show()
    revoked = run.invoke(app, ["standing-approval", "revoke", "taxi", "--who", "bob", "--why", "it is not routine"])
    assert f"revoked: {digest}" in revoked.output
    assert "ended: it was revoked: bob: it is not routine" in show()
    again = run.invoke(app, ["standing-approval", "revoke", "taxi", "--who", "bob", "--why", "it is not routine"])
    assert again.exit_code != 0
    assert "no standing approval that could be revoked" in again.output
