from datetime import date

import pytest
from typer.testing import CliRunner

from include.cli import main
from include.settings import Settings
from include.steps import release
from include.steps.release import override
from include.stores import ledger, warehouse
from ml.errors import RequestError
from ml.governance.ledger_entries import EntryKind, GateOverridden
from ml.usecase import periods
from tests.include.steps.conftest import LAST, LATER


def test_a_person_may_let_it_go_on_by_name_and_both_approvals_are_still_asked_for(damaged: Settings) -> None:
    with pytest.raises(RequestError, match="no challenger of 2024-03-21 that earned a release"):
        release.run_acceptance_tests("taxi", LATER)
    given = override.override("taxi", LATER, "tess", "the champion's disk is gone", days=2)
    assert override.override("taxi", LATER, "tess", "the champion's disk is gone", days=2) == given
    digest = release.run_acceptance_tests("taxi", LATER)
    assert "**OVERRIDDEN.** The gate said *unevaluable*" in release.render_evidence("taxi", LATER)
    for role, user in (("tech_lead", "tess"), ("business_owner", "bob")):
        release.approve("taxi", LATER, role, user, "Approve")
    assert release.promote("taxi", LATER) == digest == given.subject


@pytest.mark.parametrize(
    ("night", "who", "why", "days", "reported"),
    [
        (LAST, "tess", "it is much better", 7, "promoted the challenger of .*: there is nothing to override"),
        ("2024-03-10", "tess", "it is much better", 7, "expected a night of taxi whose challenger was judged"),
        (LATER, " ", "it is much better", 7, "an override needs a name"),
        (LATER, "tess", "because", 7, "in 3 words or more, a reason"),
        (LATER, "tess", "it is much better", 0, "1 to 30 days, got 0"),
        (LATER, "tess", "it is much better", 31, "1 to 30 days, got 31"),
    ],
    ids=["promoted", "never judged", "nobody", "no reason", "no time", "for ever"],
)
def test_an_override_that_says_too_little_or_too_much_is_refused(
    damaged: Settings, night: str, who: str, why: str, days: int, reported: str
) -> None:
    with pytest.raises(RequestError, match=reported):
        override.override("taxi", night, who, why, days)


def test_an_override_runs_out(damaged: Settings) -> None:
    engine = warehouse.engine(damaged.warehouse_url)
    (judged,) = ledger.entries(engine, "taxi", EntryKind.JUDGED, periods.parse(LATER).last)
    ledger.append(
        engine,
        kind=EntryKind.GATE_OVERRIDDEN,
        use_case="taxi",
        night=judged.night,
        subject=judged.subject,
        payload=GateOverridden(who="tess", why="long ago", until=date(2024, 3, 22), outcome="unevaluable"),
        key="long ago",
    )
    assert override.active(engine, judged) is None
    with pytest.raises(RequestError, match="no challenger of 2024-03-21"):
        release.promote("taxi", LATER)


def test_the_command_says_what_to_do_next(damaged: Settings) -> None:
    words = ["override", "taxi", LATER, "--who", "tess", "--why", "the disk is gone", "--days", "3"]
    result = CliRunner().invoke(main.app, words)
    assert result.exit_code == 0, result.output
    assert "start the DAG taxi_release for the night 2024-03-21. It still needs both approvals" in result.output
    refused = CliRunner().invoke(main.app, [*words[:-1], "99"])
    assert (refused.exit_code, "1 to 30 days, got 99" in refused.output) == (1, True)
