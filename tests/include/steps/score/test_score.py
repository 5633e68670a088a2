from collections.abc import Callable
from datetime import date

import pytest

from include.settings import Settings
from include.steps import release_state, scoring_package
from include.steps.context import StepContext
from include.steps.features import build
from include.steps.score import score
from include.stores import lake, ledger, warehouse
from ml.usecase import UseCase, periods
from tests.include.steps.conftest import LAST, NIGHT, STEPS

Arrive = Callable[[str], Settings]


def test_without_a_champion_nothing_is_scored(arrive: Arrive) -> None:
    arrive("train")
    assert score.score("taxi", LAST) is None


def test_every_entity_of_the_night_gets_the_champions_score_at_the_cutoff(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("score")
    assert STEPS["score"]() == 60
    engine = warehouse.engine(settings.warehouse_url)
    issued = warehouse.scores(engine, "taxi", date(2024, 3, 17))
    promoted = ledger.champion(engine, "taxi")
    assert promoted is not None
    assert set(issued["model_digest"]) == {promoted.subject}
    assert set(issued["published_at"]) == {taxi.schedule.cutoff(date(2024, 3, 17))}


def test_a_score_once_issued_is_not_rewritten_by_features_that_changed(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("score")
    STEPS["score"]()
    engine = warehouse.engine(settings.warehouse_url)
    before = warehouse.scores(engine, "taxi", date(2024, 3, 17))
    rows = lake.read(build.address(settings.lake, taxi), NIGHT, NIGHT)
    lake.replace(build.address(settings.lake, taxi), periods.parse(NIGHT), rows.assign(kilometres=99.0, congestion=1.0))
    STEPS["score"]()
    assert warehouse.scores(engine, "taxi", date(2024, 3, 17)).equals(before)


def test_a_stored_score_is_recomputed_to_the_same_number(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("score")
    STEPS["score"]()
    issued = warehouse.scores(warehouse.engine(settings.warehouse_url), "taxi", date(2024, 3, 17)).set_index("entity")
    rows = build.read(settings.lake, taxi, NIGHT, NIGHT)
    again = scoring_package.load(issued["model_digest"].iloc[0], settings).model.predict(rows)
    assert (issued.loc[rows["entity"], "score"].to_numpy() == again).all()


def test_a_published_score_says_whether_its_model_had_learned_from_the_night(
    arrive: Arrive, taxi: UseCase, caplog: pytest.LogCaptureFixture
) -> None:
    settings = arrive("score")
    context, engine = StepContext(case=taxi, settings=settings), warehouse.engine(settings.warehouse_url)
    STEPS["score"]()
    assert "learned from" not in caplog.text
    routing = release_state.current(context).routing
    assert routing is not None
    earlier = date(2024, 3, 14)
    score.score_night(context.at(earlier), routing)
    marks = {
        night: set(warehouse.scores(engine, "taxi", night)["out_of_sample"]) for night in (earlier, date(2024, 3, 17))
    }
    assert marks == {earlier: {False}, date(2024, 3, 17): {True}}
    assert "learned from 2024-03-14: its scores of this night are in sample" in caplog.text
    assert set(warehouse.latest_scores(engine, "taxi")["out_of_sample"]) == {True}
