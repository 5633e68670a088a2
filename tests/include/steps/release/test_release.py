from collections.abc import Callable

import pytest

from include.settings import Settings
from include.steps import release
from include.stores import ledger, warehouse
from ml.errors import ApprovalError, PackageError, RequestError
from ml.governance import ledger_entries
from ml.governance.ledger_entries import AcceptanceTested, Verdict
from ml.usecase import periods
from tests.include.steps.conftest import LAST, NIGHT, STEPS

Arrive = Callable[[str], Settings]


def test_a_night_without_a_challenger_has_nothing_to_release(arrive: Arrive) -> None:
    arrive("acceptance tests")
    for act in (release.run_acceptance_tests, release.render_evidence, release.promote):
        with pytest.raises(RequestError, match="taxi has no challenger of 2024-03-17 that earned a release"):
            act("taxi", NIGHT)


def test_a_package_changed_after_it_was_judged_fails_its_acceptance_tests(arrive: Arrive) -> None:
    settings = arrive("acceptance tests")
    (package,) = settings.packages.glob("[!.]*")
    learner = package / "learner.txt"
    learner.write_bytes(learner.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises(PackageError, match=r"cannot be served: .*'learner.txt' should have SHA-256"):
        STEPS["acceptance tests"]()


def test_the_dossier_tells_package_evidence_and_every_check(arrive: Arrive) -> None:
    settings = arrive("approve")
    judged, tested = ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", night=periods.parse(LAST).last)[
        -2:
    ]
    text = release.render_evidence("taxi", LAST)
    assert judged.subject in text
    verdict, report = ledger_entries.read(judged, Verdict), ledger_entries.read(tested, AcceptanceTested)
    assert str(verdict.evidence) in text
    assert "Trained and judged on `features/entities` version 0, `valid/bookings` version 0, " in text
    assert text.count("| pass |") == len(verdict.checks) + len(report.checks)


@pytest.mark.parametrize(
    ("answers", "reported"),
    [
        ([], "the approval of 'tech_lead' is missing .* no answer is no approval"),
        ([("tech_lead", "tess", "Approve")], "the approval of 'business_owner' is missing"),
        ([("tech_lead", "tess", "Approve"), ("business_owner", "tess", "Approve")], "a release needs different people"),
        ([("tech_lead", "tess", "Approve"), ("business_owner", "bob", "Reject")], "'bob' rejected package"),
    ],
    ids=["silence", "half", "one person twice", "rejected"],
)
def test_without_two_approvals_by_two_people_nothing_is_promoted(
    arrive: Arrive, answers: list[tuple[str, str, str]], reported: str
) -> None:
    settings = arrive("approve")
    for answer in answers:
        release.approve("taxi", LAST, *answer)
    with pytest.raises(ApprovalError, match=reported):
        release.promote("taxi", LAST)
    assert ledger.champion(warehouse.engine(settings.warehouse_url), "taxi") is None


def test_an_answer_that_is_no_choice_is_refused(arrive: Arrive) -> None:
    arrive("approve")
    with pytest.raises(RequestError, match=r"expected one of \['Approve', 'Reject'\], got 'Maybe'"):
        release.approve("taxi", LAST, "tech_lead", "tess", "Maybe")
