"""The question put to an approver and the answer that reaches the ledger, without a scheduler around them."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import TaskAwaitingInput
from ratchet import request
from ratchet.approvals import NOBODY, RoleApproval, StandingRoleApproval

from include.settings import Settings
from include.steps import release
from include.steps.release import standing_evidence
from include.stores import approvals, ledger, warehouse
from ml.errors import LedgerError, RequestError
from ml.governance import ledger_entries
from ml.governance.ledger_entries import ApprovalRecord, EntryKind
from ml.usecase import UseCase
from tests import recorded

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("default")]

KEY, NIGHT, PACKAGE, EVIDENCE = "2024-03-16", date(2024, 3, 16), "d" * 64, "e" * 64
ADA = {"id": "ada", "name": "Ada"}


@pytest.fixture
def context(taxi: UseCase, home: Settings) -> dict[str, Any]:
    """The context of a run for a night whose challenger earned a release."""
    ledger.append(
        warehouse.engine(home.warehouse_url),
        kind=EntryKind.JUDGED,
        use_case="taxi",
        night=NIGHT,
        subject=PACKAGE,
        payload=recorded.earned(PACKAGE, EVIDENCE),
        key="judged",
    )
    run = SimpleNamespace(partition_key=KEY, conf={})
    instance = SimpleNamespace(id="7")
    return {
        "dag_run": run,
        "dag": SimpleNamespace(params=ParamsDict(request.form_fields(taxi))),
        "task_instance": instance,
    }


def approval() -> RoleApproval:
    return RoleApproval(task_id="ask", use_case="taxi", role="tech_lead", wait=timedelta(hours=1))


def event(choice: str = "Approve", user: dict[str, str] | None = ADA) -> dict[str, Any]:
    return {"chosen_options": [choice], "params_input": {}, "responded_at": NIGHT, "responded_by_user": user}


def answers(home: Settings) -> list[tuple[str, str, str]]:
    entries = ledger.entries_of_kinds(warehouse.engine(home.warehouse_url), "taxi", approvals.KINDS)
    given = [(each.kind, ledger_entries.read(each, ApprovalRecord)) for each in entries if each.subject == PACKAGE]
    return [(kind, answer.user, answer.role) for kind, answer in given]


def test_only_the_role_may_answer_and_silence_rejects() -> None:
    asked = approval()
    assert [user["id"] for user in asked.assigned_users] == ["tech_lead"]
    assert (asked.defaults, asked.response_timeout) == (["Reject"], timedelta(hours=1))


def test_the_question_is_the_dossier_of_the_nights_challenger(
    context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[dict[str, Any]] = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **detail: put.append(detail))
    with pytest.raises(TaskAwaitingInput):
        approval().execute(context)
    (detail,) = put
    assert PACKAGE in detail["body"]
    assert EVIDENCE in detail["body"]
    assert detail["subject"] == "tech_lead: may this model answer for taxi?"


def test_an_approval_is_signed_in_the_name_of_who_gave_it(context: dict[str, Any], home: Settings) -> None:
    approval().execute_complete(context, event())
    engine, key = warehouse.engine(home.warehouse_url), approvals.load_key(home)
    (given,) = approvals.check(engine, key, "taxi", NIGHT, PACKAGE, EVIDENCE, ("tech_lead",))
    assert (given.user, given.role) == ("ada", "tech_lead")


@pytest.mark.parametrize(
    ("given", "reported"),
    [
        (event("Reject"), [("rejected", "ada", "tech_lead")]),
        (event("Reject", None), [("rejected", NOBODY, "tech_lead")]),
    ],
    ids=["a person", "silence"],
)
def test_a_rejection_is_written_down_and_what_follows_is_skipped(
    context: dict[str, Any], home: Settings, given: dict[str, Any], reported: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    skipped: list[Any] = []
    asked, promote = approval(), approval()
    promote.task_id = "promote"
    monkeypatch.setattr(RoleApproval, "downstream_task_ids", property(lambda _: {"promote"}), raising=False)
    monkeypatch.setattr(asked, "skip", lambda **named: skipped.extend(named["tasks"]))
    monkeypatch.setattr(RoleApproval, "get_flat_relatives", lambda *_, **__: [promote])
    monkeypatch.setattr(RoleApproval, "get_direct_relatives", lambda *_, **__: [promote])
    asked.execute_complete(context | {"ti": None, "task": asked}, given)
    assert answers(home) == reported
    assert skipped == [promote]


def test_a_question_that_failed_writes_no_answer(context: dict[str, Any], home: Settings) -> None:
    with pytest.raises(Exception, match="it broke"):
        approval().execute_complete(context, {"error": "it broke", "error_type": "unknown"})
    assert answers(home) == []


def test_an_answer_cannot_be_changed(context: dict[str, Any]) -> None:
    approval().execute_complete(context, event())
    with pytest.raises(LedgerError, match="Entries are never rewritten"):
        approval().execute_complete(context, event(user={"id": "eve", "name": "Eve"}))


def test_a_night_without_a_challenger_asks_nothing(context: dict[str, Any]) -> None:
    context["dag_run"].partition_key = "2024-03-17"
    with pytest.raises(RequestError, match="taxi has no challenger of 2024-03-17"):
        approval().execute(context)


def test_nobody_is_asked_about_a_release_that_a_standing_approval_covers(
    context: dict[str, Any], home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "is_covered", lambda use_case, night: (use_case, night) == ("taxi", KEY))
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **_: pytest.fail("somebody was asked"))
    assert approval().execute(context) is None
    assert answers(home) == []


def test_a_standing_approval_is_answered_about_the_proposal_of_its_own_run(
    context: dict[str, Any], home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[str, ...]] = []
    monkeypatch.setattr(release, "approve_standing", lambda *answer: given.append(answer))
    monkeypatch.setattr(standing_evidence, "render", lambda use_case, run: f"the terms of {use_case}, {run}")
    put: list[dict[str, Any]] = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **detail: put.append(detail))
    context["dag_run"].run_id = "manual__7"
    operator = StandingRoleApproval(task_id="ask", use_case="taxi", role="tech_lead", wait=timedelta(hours=1))
    with pytest.raises(TaskAwaitingInput):
        operator.execute(context)
    operator.execute_complete(context, event())
    assert put[0]["body"] == "the terms of taxi, manual__7"
    assert put[0]["subject"] == "tech_lead: may refreshes of taxi be adopted within these bounds?"
    assert given == [("taxi", "manual__7", "tech_lead", "ada", "Approve")]
