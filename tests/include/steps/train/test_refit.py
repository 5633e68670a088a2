"""What is released may have learned from the judged rows too, where it agrees with the model that was judged."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest, release, train
from include.steps.context import StepContext
from include.steps.features import build
from include.steps.train import champion, model_card
from include.stores import lake, ledger, packages, report_paths, warehouse
from ml.governance import ledger_entries
from ml.governance.checks import Check, CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, RefitRecord, Verdict
from ml.packaging import package_files
from ml.usecase import Gates, Refit, UseCase, periods
from tests.include.steps.conftest import LAST, LATER, NIGHT, WRITES, contents
from tests.killing import Killed, killed_after

Arrive = Callable[[str], Settings]
LENIENT = Refit(max_score_difference=0.5, max_flipped_share=0.9, min_rank_correlation=0.01, max_loss_rise=0.5)
STRICT = replace(LENIENT, max_score_difference=1e-9)


@pytest.fixture
def declare(taxi: UseCase, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the toy declare a refit, or something else, and no fairness: its groups are too small for a refit's gate."""

    def change(**changes: Any) -> None:
        monkeypatch.setattr(usecases, "get", lambda name: replace(taxi, **{"fairness": None} | changes))

    return change


def last_judged(settings: Settings) -> Entry:
    return ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.JUDGED)[-1]


def last_verdict(settings: Settings) -> Verdict:
    return ledger_entries.read(last_judged(settings), Verdict)


def last_refit(settings: Settings) -> RefitRecord:
    refit = last_verdict(settings).refit
    assert refit is not None
    return refit


def facts(settings: Settings, digest: str) -> dict[str, Any]:
    return package_files.facts(packages.get(settings.packages, digest, settings.trusted_keys))


def fact(check: Check) -> dict[str, object]:
    """Return a check as the facts of a package have it."""
    return {"name": check.name, "value": check.value, "bar": check.bar, "answer": check.status}


def test_without_a_declaration_nothing_is_fitted_again(arrive: Arrive) -> None:
    settings = arrive("acceptance tests")
    assert last_verdict(settings).refit is None
    assert "refit" not in facts(settings, last_judged(settings).subject)
    assert len(list(settings.packages.glob("[!.]*"))) == 1


def test_a_refit_that_agrees_is_released_and_says_of_which_model_it_is(arrive: Arrive, declare: Any) -> None:
    plain = arrive("train")
    declare()
    train.train("taxi", LAST, train.BOOTSTRAP)
    unrefitted = last_judged(plain)
    settings = arrive("train")
    declare(refit=LENIENT)
    assert train.train("taxi", LAST, train.BOOTSTRAP)
    entry = last_judged(settings)
    reported, refit = last_refit(settings), facts(settings, entry.subject)
    assert (reported.judged, reported.refit) == (unrefitted.subject, entry.subject)
    assert last_verdict(settings).package == entry.subject != unrefitted.subject
    assert refit["refit"] == {"judged": reported.judged, "agreement": [fact(each) for each in reported.checks]}
    assert (refit["fitted"], refit["used_until"]) == (["2024-03-01", "2024-03-15"], "2024-03-15")
    assert refit["settings"] == facts(settings, reported.judged)["settings"]
    text = report_paths.model_card(settings.reports, "taxi", periods.parse(LAST).last).read_text()
    assert f"Released is a refit of the judged model `{reported.judged}`" in text
    assert f"* Package `{entry.subject}`" in text
    model_card.check("taxi", LAST)
    assert release.run_acceptance_tests("taxi", LAST) == entry.subject
    assert "| rank correlation of scores | " in release.render_evidence("taxi", LAST)


def test_of_a_refit_that_does_not_agree_the_judged_model_is_released_and_that_is_written(
    arrive: Arrive, declare: Any
) -> None:
    settings = arrive("train")
    declare(refit=STRICT)
    assert train.train("taxi", LAST, train.BOOTSTRAP)
    entry = last_judged(settings)
    reported = last_refit(settings)
    assert entry.subject == last_verdict(settings).package == reported.judged != reported.refit
    assert [each.name for each in reported.checks if each.status is CheckStatus.FAIL] == ["mean distance of scores"]
    assert "refit" not in facts(settings, entry.subject)
    assert facts(settings, entry.subject)["fitted"] == ["2024-03-01", "2024-03-11"]
    text = report_paths.model_card(settings.reports, "taxi", periods.parse(LAST).last).read_text()
    assert f"Released is the judged model `{reported.judged}` itself" in text
    assert f"(`{reported.refit}`) does not agree with it" in text
    model_card.check("taxi", LAST)


def test_rows_that_no_label_waits_for_show_no_agreement(arrive: Arrive, declare: Any, taxi: UseCase) -> None:
    settings = arrive("train")
    declare(refit=LENIENT)
    rows = lake.read(build.address(settings.lake, taxi))
    lake.replace(build.address(settings.lake, taxi), periods.parse(LAST), rows[rows["night"] == LAST].head(0))
    assert train.train("taxi", LAST, train.BOOTSTRAP)
    reported = last_refit(settings)
    assert last_judged(settings).subject == reported.judged
    assert [each.value for each in reported.checks[:3]] == [None, None, None]


def test_a_challenger_that_is_kept_out_is_not_fitted_again(arrive: Arrive, declare: Any) -> None:
    settings = arrive("train")
    declare(refit=LENIENT, gates=Gates(judged_nights=4, min_auc=0.94))
    assert not train.train("taxi", LAST, train.BOOTSTRAP)
    assert last_verdict(settings).refit is None


def test_the_next_challenger_is_judged_on_nights_that_the_refit_has_not_seen(arrive: Arrive, declare: Any) -> None:
    settings = arrive("train")
    declare(refit=LENIENT)
    train.train("taxi", LAST, train.BOOTSTRAP)
    release.run_acceptance_tests("taxi", LAST)
    for who in (("tech_lead", "tess"), ("business_owner", "bob")):
        release.approve("taxi", LAST, *who, "Approve")
    release.promote("taxi", LAST)
    for night in map(str, periods.parse(f"{NIGHT}..{LATER}")):
        ingest.ingest("taxi", night)
        build.build("taxi", night)
    promoted = ledger.champion(warehouse.engine(settings.warehouse_url), "taxi")
    met = champion.read(promoted, StepContext(case=usecases.get("taxi"), settings=settings))
    train.train("taxi", LATER, "a test")
    reported = last_verdict(settings)
    assert (reported.champion, met.used_until) == (met.digest, "2024-03-15")
    assert reported.evaluation is not None
    assert reported.evaluation.nights[0] > met.used_until


def test_a_judge_killed_between_its_two_packages_is_mended_by_running_it_again(arrive: Arrive, declare: Any) -> None:
    declare(refit=LENIENT)
    undisturbed = arrive("train")
    with killed_after(0, WRITES) as writes:
        train.train("taxi", LAST, train.BOOTSTRAP)
    expected = contents(undisturbed)
    both = [number for number, name in enumerate(writes, start=1) if name.endswith("packages.put")]
    assert len(both) == 2
    for number in both:
        settings = arrive("train")
        with killed_after(number, WRITES), pytest.raises(Killed):
            train.train("taxi", LAST, train.BOOTSTRAP)
        train.train("taxi", LAST, train.BOOTSTRAP)
        assert contents(settings) == expected
        assert json.loads((settings.packages / last_judged(settings).subject / "manifest.json").read_text())
