"""Nights are scored again beside what was issued: by whom one likes, each night whole, and only once."""

import re
from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest
from typer.testing import CliRunner

from include.cli.main import app
from include.settings import Settings
from include.steps import scoring_package
from include.steps.context import StepContext
from include.steps.features import build
from include.steps.score import rescore
from include.stores import lake, ledger, warehouse
from ml.errors import RequestError
from ml.governance.ledger_entries import EntryKind, Rescored
from ml.usecase import UseCase, periods
from tests import recorded
from tests.include.steps.conftest import LAST, NIGHT

WHY = ("tess", "to compare the two months")


@pytest.fixture
def settings(arrive: Callable[[str], Settings]) -> Settings:
    """A home with a champion, a history of features, and one night that was issued."""
    return arrive("ingest the next night")


def champion(settings: Settings) -> str:
    result = ledger.champion(warehouse.engine(settings.warehouse_url), "taxi")
    assert result is not None
    return result.subject


def again(first: str = "2024-03-14", last: str = NIGHT, package: str = rescore.CHAMPION) -> int:
    return sum(rescore.rescore("taxi", each) for each in rescore.plan("taxi", first, last, package, *WHY))


def rows(case: UseCase, settings: Settings, package: str) -> pd.DataFrame:
    result = lake.read(rescore.address(StepContext(case=case, settings=settings), package))
    return result.sort_values(["night", "entity"], ignore_index=True)


def test_the_champion_answers_nights_before_it_as_it_does_now(settings: Settings, taxi: UseCase) -> None:
    built = build.read(settings.lake, taxi, "2024-03-14", NIGHT).sort_values(["night", "entity"])
    assert again() == len(built)
    made = rows(taxi, settings, champion(settings))
    assert (made["score"].to_numpy() == scoring_package.load(champion(settings), settings).model.predict(built)).all()
    assert set(made["model_digest"]) == {champion(settings)}
    assert set(made["features_version"]) == {lake.version(build.address(settings.lake, taxi))}


def test_what_was_issued_is_not_touched_and_is_the_same(settings: Settings, taxi: UseCase) -> None:
    engine = warehouse.engine(settings.warehouse_url)
    before = warehouse.scores(engine, "taxi", date.fromisoformat(NIGHT))
    again()
    pd.testing.assert_frame_equal(warehouse.scores(engine, "taxi", date.fromisoformat(NIGHT)), before)
    made = rows(taxi, settings, champion(settings)).set_index("entity")["score"]
    assert made[before["entity"]].tolist() == before["score"].tolist()


def test_asked_twice_it_is_made_once_and_written_down_once(
    settings: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    again()
    version = lake.version(rescore.address(StepContext(case=taxi, settings=settings), champion(settings)))
    again()
    assert lake.version(rescore.address(StepContext(case=taxi, settings=settings), champion(settings))) == version
    (rescored,) = recorded.payloads(settings, EntryKind.RESCORED, Rescored)
    assert (rescored.who, rescored.nights) == ("tess", 4)


def test_interrupted_it_goes_on_with_the_nights_that_are_not_there(
    settings: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, made = lake.replace, list[str]()

    def dying(uri: str, when: periods.Period, result: object) -> int:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(str(when))
        return put(uri, when, result)  # type: ignore[arg-type]

    monkeypatch.setattr(lake, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        again()
    made.clear()
    assert again() == len(build.read(settings.lake, taxi, "2024-03-14", NIGHT))
    assert made == ["2024-03-16", NIGHT]


def test_features_that_came_anew_are_scored_anew(settings: Settings, taxi: UseCase) -> None:
    again()
    before = rows(taxi, settings, champion(settings))
    built = lake.read(build.address(settings.lake, taxi), NIGHT, NIGHT)
    lake.replace(build.address(settings.lake, taxi), periods.parse(NIGHT), built.assign(kilometres=99.0))
    again()
    after = rows(taxi, settings, champion(settings))
    assert len(after) == len(before)
    assert after["score"].tolist() != before["score"].tolist()


def test_each_night_may_be_scored_by_whoever_was_champion_then(settings: Settings, taxi: UseCase) -> None:
    assert again(package=rescore.EACH_NIGHT) == 60
    assert set(rows(taxi, settings, rescore.EACH_NIGHT)["night"]) == {NIGHT}


def test_a_package_is_named_by_the_beginning_of_its_digest(settings: Settings, taxi: UseCase) -> None:
    again(NIGHT, NIGHT, champion(settings)[:12])
    assert len(rows(taxi, settings, champion(settings))) == 60


@pytest.mark.parametrize(
    ("first", "last", "package", "why", "reported"),
    [
        ("2024-03-14", LAST, "a" * 12, "to compare two months", "expected champion, each-night or 12 characters"),
        ("2024-03-14", LAST, "", "to compare two months", "expected champion, each-night or 12 characters"),
        ("2025-03-14", "2025-03-15", rescore.CHAMPION, "to compare two months", "none of them has"),
        (LAST, "2024-03-14", rescore.CHAMPION, "to compare two months", "runs backwards"),
        ("2024-03-14", LAST, rescore.CHAMPION, "because", "3 words or more, a reason"),
    ],
    ids=["no such package", "no package", "no features", "backwards", "no reason"],
)
def test_what_cannot_be_scored_again_is_refused(
    settings: Settings, first: str, last: str, package: str, why: str, reported: str
) -> None:
    with pytest.raises(RequestError, match=reported):
        rescore.plan("taxi", first, last, package, "tess", why)


def test_a_long_range_is_cut_into_stretches(settings: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescore, "_CHUNK_NIGHTS", 7)
    stretches = rescore.plan("taxi", "2024-03-01", NIGHT, rescore.CHAMPION, *WHY)
    assert [each.period for each in stretches] == [
        "2024-03-01..2024-03-07",
        "2024-03-08..2024-03-14",
        "2024-03-15..2024-03-17",
    ]


def test_a_person_types_it(settings: Settings) -> None:
    typed = ["rescore", "taxi", "2024-03-16", NIGHT, "--why", "to compare two nights", "--who", "tess"]
    done = CliRunner().invoke(app, typed)
    assert done.exit_code == 0, done.output
    assert "120 rows of 2024-03-16 to 2024-03-17" in done.output


def test_each_row_says_whether_the_champion_had_learned_from_its_night(settings: Settings, taxi: UseCase) -> None:
    again()
    marks = rows(taxi, settings, champion(settings)).groupby("night")["out_of_sample"].agg(set).to_dict()
    learned_until = scoring_package.load(champion(settings), settings).learned.until
    assert marks == {night: {date.fromisoformat(night) > learned_until} for night in marks}
    assert (marks["2024-03-14"], marks[NIGHT]) == ({False}, {True})


def test_scores_of_each_nights_own_champion_are_out_of_sample(settings: Settings, taxi: UseCase) -> None:
    warnings: list[str] = []
    rescore.plan("taxi", "2024-03-14", NIGHT, rescore.EACH_NIGHT, *WHY, warnings.append)
    again(package=rescore.EACH_NIGHT)
    assert rows(taxi, settings, rescore.EACH_NIGHT)["out_of_sample"].all()
    assert warnings == []


def test_nights_that_the_champion_learned_from_are_warned_of_with_counts(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    again()
    (warning,) = [each.getMessage() for each in caplog.records if "in sample" in each.getMessage()]
    learned = f"{champion(settings)[:12]} learned from nights up to 2024-03-15"
    assert re.match(r"2 of 4 nights are in sample \(\d+ of \d+ rows are in sample\): " + learned, warning)


def test_a_person_who_types_it_is_warned(settings: Settings) -> None:
    typed = ["rescore", "taxi", "2024-03-14", NIGHT, "--why", "to compare two nights", "--who", "tess"]
    done = CliRunner().invoke(app, typed)
    assert done.exit_code == 0
    assert "Warning: 2 of 4 nights are in sample" in done.stderr
    after = CliRunner().invoke(app, ["rescore", "taxi", NIGHT, *typed[3:]])
    assert "Warning" not in after.stderr


def test_a_rescore_of_an_earlier_release_is_completed_with_marks(settings: Settings, taxi: UseCase) -> None:
    again("2024-03-14", "2024-03-15")
    uri = rescore.address(StepContext(case=taxi, settings=settings), champion(settings))
    lake.replace(uri, periods.parse("2024-03-14..2024-03-15"), lake.read(uri).drop(columns="out_of_sample"))
    again()
    marks = rows(taxi, settings, champion(settings)).groupby("night")["out_of_sample"].agg(set).to_dict()
    assert marks == {"2024-03-14": {False}, "2024-03-15": {False}, LAST: {True}, NIGHT: {True}}
