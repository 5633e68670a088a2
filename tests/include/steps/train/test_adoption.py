"""A refresh that the gate does not show better is admitted by the allowance of its use case, and everyone is told."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest, release, scoring_package, train
from include.steps.features import build
from include.steps.release import evidence
from include.steps.train import model_card
from include.stores import ledger, warehouse
from ml.errors import LedgerError
from ml.governance import ledger_entries
from ml.governance.checks import CheckStatus
from ml.governance.ledger_entries import EntryKind, Verdict
from ml.promotion.adoption.admission import Admission
from ml.promotion.gate import SHOWN_BETTER
from ml.usecase import Adoption, Gates, Logistic, Refit, UseCase, periods
from tests.include.steps.conftest import LAST, LATER, NIGHT

Arrive = Callable[[str], Settings]
LENIENT = Refit(max_score_difference=0.9, max_flipped_share=0.9, min_rank_correlation=0.01, max_loss_rise=0.5)
UNCONCERNED = Gates(judged_nights=4, max_log_loss=5.0, min_auc=0.5, slice_margin=9.0)
PEOPLE = (("tech_lead", "tess"), ("business_owner", "bob"))


@pytest.fixture
def declare(taxi: UseCase, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the toy have one candidate, a refit, and bars that only the gain can miss."""

    def change(**changes: Any) -> None:
        fields = {
            "candidates": (Logistic(strength=1.0),),
            "refit": LENIENT,
            "gates": UNCONCERNED,
            "fairness": None,
            "adoption": Adoption(max_score_shift=1.0, max_label_shift=1.0),
        }
        monkeypatch.setattr(usecases, "get", lambda name: replace(taxi, **fields | changes))

    return change


def release_of(night: str) -> None:
    release.run_acceptance_tests("taxi", night)
    for who in PEOPLE:
        release.approve("taxi", night, *who, "Approve")
    release.promote("taxi", night)


@pytest.fixture
def judged(arrive: Arrive, declare: Callable[..., None]) -> Callable[..., tuple[Settings, Verdict]]:
    """A function that releases a first model, trains a refresh of it, and returns the verdict on the refresh."""

    def run(**declared: Any) -> tuple[Settings, Verdict]:
        settings = arrive("train")
        declare(**declared)
        assert train.train("taxi", LAST, train.BOOTSTRAP)
        release_of(LAST)
        for night in map(str, periods.parse(f"{NIGHT}..{LATER}")):
            ingest.ingest("taxi", night)
            build.build("taxi", night)
        train.train("taxi", LATER, "a test")
        entries = ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.JUDGED)
        return settings, ledger_entries.read(entries[-1], Verdict)

    return run


def fitted_nights(digest: str | None, settings: Settings) -> list[date]:
    """Return the nights from the first to the last that a package was fitted on."""
    first, last = scoring_package.load(str(digest), settings).facts["fitted"]
    return list(periods.parse(f"{first}..{last}"))


def test_an_unproven_refresh_is_released_under_the_allowance(judged: Any, taxi: UseCase) -> None:
    settings, verdict = judged()
    assert (verdict.rule, verdict.outcome, verdict.admission) == ("refresh", "promote", "allowance")
    assert verdict.reason.startswith("unproven (allowance 1 of 6, e = 1.0 of 10): not shown worse on ")
    assert [each.name for each in verdict.checks if each.status is not CheckStatus.PASS] == [SHOWN_BETTER]
    record = verdict.adoption
    assert record is not None
    assert (record.anchor, record.allowance_used, record.is_licensed) == (str(verdict.champion)[:12], 0, False)
    shares = [each.value for each in record.checks if each.setting == "adoption.min_nights_share"]
    learned = [len(fitted_nights(digest, settings)) for digest in (verdict.package, verdict.champion)]
    assert shares == [pytest.approx(learned[0] / learned[1])]
    assert shares[0] > 1
    assert verdict.refit is not None
    assert verdict.package == verdict.refit.refit
    dossier = release.render_evidence("taxi", LATER)
    assert "**UNPROVEN.**" in dossier
    assert "At worst, unproven models may lose 0.3 in log loss beyond the last proven model" in dossier
    model_card.check("taxi", LATER)
    proven = replace(verdict, admission=Admission.PROOF)
    assert evidence.adoption_lines(proven, taxi) == []
    few = [
        replace(each, status=CheckStatus.FAIL) if each.setting == "adoption.min_nights_share" else each
        for each in record.checks
    ]
    head, _, *table = evidence.adoption_lines(replace(proven, adoption=replace(record, checks=tuple(few))), taxi)
    assert head.startswith("**SHOWN BETTER, BUT UNUSUAL.**")
    assert [line for line in table if "nights that it learned from" in line] == table[2:-1]
    release_of(LATER)
    champion = ledger.champion(warehouse.engine(settings.warehouse_url), "taxi")
    assert champion is not None
    assert champion.subject == verdict.package


@pytest.mark.parametrize("adoption", [None, Adoption(allowance=0)], ids=["not declared", "no allowance"])
def test_without_an_allowance_the_same_refresh_is_not_released(judged: Any, adoption: Adoption | None) -> None:
    _, verdict = judged(adoption=adoption)
    assert verdict.outcome != "promote"
    assert verdict.admission is None
    assert (verdict.adoption is None) == (adoption is None)


def test_an_allowance_that_was_taken_back_after_the_verdict_stops_the_promotion(
    judged: Any, declare: Callable[..., None]
) -> None:
    judged()
    release.run_acceptance_tests("taxi", LATER)
    for who in PEOPLE:
        release.approve("taxi", LATER, *who, "Approve")
    declare(adoption=Adoption(allowance=0))
    with pytest.raises(LedgerError, match="0 of the allowance of 0 are used"):
        release.promote("taxi", LATER)
