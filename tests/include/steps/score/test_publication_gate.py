"""What is not like the nights before is withheld whole, told, and let go only by a person with a reason."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from include import usecases
from include.cli.main import app
from include.settings import Settings
from include.steps.features import build
from include.steps.score import publication_gate, score
from include.stores import lake, ledger, warehouse
from ml.errors import RefusalError, RequestError
from ml.governance.ledger_entries import EntryKind, PublicationDecided
from ml.usecase import PublicationGate, UseCase, periods
from tests import recorded
from tests.include.steps.conftest import NIGHT, WRITES
from tests.killing import Killed, killed_after

NEXT = "2024-03-18"
Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture
def settings(arrive: Callable[[str], Settings], taxi: UseCase, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home in which one night is issued and the next one has features; one night is enough to be held against."""
    settings = arrive("monitor")
    strict = replace(taxi, publication=PublicationGate(min_reference_nights=1))
    monkeypatch.setattr(usecases, "get", lambda _: strict)
    return settings


def spoil(settings: Settings, change: Change, night: str = NEXT) -> None:
    uri = build.address(settings.lake, usecases.get("taxi"))
    lake.replace(uri, periods.parse(night), change(lake.read(uri, night, night)))


def half(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[: len(rows) // 2]


def alike(rows: pd.DataFrame) -> pd.DataFrame:
    """Let every entity have the features of the first."""
    return rows.assign(**{name: rows[name].iloc[0] for name in usecases.get("taxi").feature_names})


def issued(settings: Settings, night: str = NEXT) -> pd.DataFrame:
    return warehouse.scores(warehouse.engine(settings.warehouse_url), "taxi", date.fromisoformat(night))


def reported(settings: Settings) -> list[str]:
    result = warehouse.alerts(warehouse.engine(settings.warehouse_url), "taxi", *[date.fromisoformat(NEXT)] * 2)
    return [each.message for each in result if each.kind == publication_gate.HELD_BACK_ALERT]


def kinds(settings: Settings) -> list[str]:
    result = ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", night=date.fromisoformat(NEXT))
    return [
        each.kind
        for each in result
        if each.kind in (EntryKind.SCORES_PUBLISHED, EntryKind.SCORES_HELD_BACK, EntryKind.PUBLICATION_OVERRIDDEN)
    ]


def test_a_night_like_the_last_one_is_issued_and_written_down(settings: Settings) -> None:
    assert score.score("taxi", NEXT) == len(issued(settings)) == 60
    assert (kinds(settings), reported(settings)) == ([EntryKind.SCORES_PUBLISHED], [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (half, "entities with a score: expected 0.99 to 1, got 0.5"),
        (alike, "spread of the scores"),
    ],
    ids=["half gone", "constant"],
)
def test_nothing_of_a_night_is_issued_when_it_is_not_like_the_last(
    settings: Settings, change: Change, reason: str
) -> None:
    spoil(settings, change)
    with pytest.raises(
        RefusalError, match=f"the scores of taxi for {NEXT} are held back.*{reason}.*`ratchet publish taxi"
    ):
        score.score("taxi", NEXT)
    assert issued(settings).empty
    assert kinds(settings) == [EntryKind.SCORES_HELD_BACK]
    assert len(reported(settings)) == 1
    readers = warehouse.latest_scores(warehouse.engine(settings.warehouse_url), "taxi")
    assert set(readers["night"]) == {date.fromisoformat(NIGHT)}


def test_a_night_that_was_mended_is_issued_and_its_alert_is_withdrawn(settings: Settings) -> None:
    good = lake.read(build.address(settings.lake, usecases.get("taxi")), NEXT, NEXT)
    spoil(settings, half)
    with pytest.raises(RefusalError):
        score.score("taxi", NEXT)
    spoil(settings, lambda _: good)
    assert score.score("taxi", NEXT) == 60
    assert (kinds(settings), reported(settings)) == ([EntryKind.SCORES_HELD_BACK, EntryKind.SCORES_PUBLISHED], [])


def test_of_a_window_the_nights_that_may_be_issued_are(settings: Settings) -> None:
    spoil(settings, half)
    with pytest.raises(RefusalError, match=NEXT):
        score.score("taxi", f"{NIGHT}..{NEXT}")
    assert (len(issued(settings, NIGHT)), len(issued(settings))) == (60, 0)


def test_a_person_may_issue_them_anyway_with_a_name_and_a_reason(settings: Settings) -> None:
    spoil(settings, half)
    with pytest.raises(RefusalError):
        score.score("taxi", NEXT)
    done = CliRunner().invoke(app, ["publish", "taxi", NEXT, "--who", "tess", "--why", "half the fleet is on strike"])
    assert done.exit_code == 0, done.output
    assert len(issued(settings)) == 30
    published = recorded.payloads(settings, EntryKind.SCORES_PUBLISHED, PublicationDecided)[-1]
    assert (published.overridden_by, reported(settings)) == ("tess", [])
    assert score.score("taxi", NEXT) == 30
    assert "30 scores of 2024-03-18" in CliRunner().invoke(app, ["scores", "taxi"]).output


def test_what_was_waived_is_these_scores_and_no_others(settings: Settings) -> None:
    spoil(settings, half)
    with pytest.raises(RefusalError):
        score.score("taxi", NEXT)
    publication_gate.override("taxi", NEXT, "tess", "half the fleet is on strike")
    spoil(settings, half)
    with pytest.raises(RefusalError, match="got 0.25"):
        score.score("taxi", NEXT)
    assert issued(settings).empty


def test_scores_that_are_no_answer_cannot_be_issued_by_anybody(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml.training.fitting import Model

    monkeypatch.setattr(Model, "predict", lambda self, frame: np.full(len(frame), np.nan))
    with pytest.raises(RefusalError, match="invalid scores: expected 0, got 60"):
        score.score("taxi", NEXT)
    with pytest.raises(RequestError, match="60 of the scores of 2024-03-18 are invalid, and nobody can publish these"):
        publication_gate.override("taxi", NEXT, "tess", "we want them all the same")


@pytest.mark.parametrize(
    ("night", "why", "refusal"),
    [(NIGHT, "it is quite alright", "nothing to override"), (NEXT, "because", "3 words or more")],
    ids=["nothing withheld", "no reason"],
)
def test_a_waiver_needs_something_withheld_and_a_reason(settings: Settings, night: str, why: str, refusal: str) -> None:
    spoil(settings, half)
    with pytest.raises(RefusalError):
        score.score("taxi", NEXT)
    with pytest.raises(RequestError, match=refusal):
        publication_gate.override("taxi", night, "tess", why)


def test_withholding_killed_after_any_write_ends_the_same_when_it_is_run_again(settings: Settings) -> None:
    spoil(settings, half)
    with killed_after(0, WRITES) as writes, pytest.raises(RefusalError):
        score.score("taxi", NEXT)
    expected = (kinds(settings), reported(settings))
    assert len(writes) >= 1
    spoil(settings, half)
    for number in range(1, len(writes) + 1):
        with killed_after(number, WRITES), pytest.raises(Killed):
            score.score("taxi", NEXT)
        with pytest.raises(RefusalError):
            score.score("taxi", NEXT)
    assert (kinds(settings)[1:], len(reported(settings))) == (expected[0], 1)
