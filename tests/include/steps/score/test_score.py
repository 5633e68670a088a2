from collections.abc import Callable
from datetime import date

from include.settings import Settings
from include.steps.features import build
from include.steps.score import batch_prediction, score
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
    assert set(issued["published_at"]) == {taxi.horizon.cutoff(date(2024, 3, 17))}


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
    again = batch_prediction.load_model(issued["model_digest"].iloc[0], settings).predict(rows)
    assert (issued.loc[rows["entity"], "score"].to_numpy() == again).all()
