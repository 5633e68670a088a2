"""The page of a use case shows the models of all its horizons side by side."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from include import usecases
from include.dashboard import horizon_comparison, pages
from include.settings import Settings
from include.stores import warehouse
from include.stores.warehouse import Metric
from ml import targets
from tests.include.dashboard.conftest import MOMENT

FIRST, NIGHTS = date(2013, 11, 1), 40
PERIOD = FIRST, FIRST + timedelta(days=NIGHTS)


def record(engine: sa.Engine, model: str, name: str, values: dict[int, float], digest: str = "all") -> None:
    rows = [
        Metric(
            use_case=model,
            night=FIRST + timedelta(days=day),
            model_digest=digest,
            slice="all",
            metric=name,
            value=value,
            n=9,
        )
        for day, value in values.items()
    ]
    warehouse.record_metrics(engine, rows)


@pytest.fixture
def engine(home: Settings) -> sa.Engine:
    """A warehouse in which both models have losses, the live one since ten nights."""
    engine = warehouse.engine(home.warehouse_url)
    record(
        engine,
        "flights",
        "log_loss",
        dict.fromkeys(range(NIGHTS), 0.9) | dict.fromkeys(range(30, NIGHTS), 0.5),
        "n" * 64,
    )
    record(engine, "flights-live", "log_loss", dict.fromkeys(range(30, NIGHTS), 0.4), "l" * 64)
    record(engine, "flights-live", "live_coverage", dict.fromkeys(range(30, NIGHTS), 0.75))
    record(engine, "flights-live", "snapshots_late", {30: 2.0, 31: 1.0})
    record(engine, "flights-live", "snapshot_gap_minutes", {30: 130.0, 31: 75.0})
    return engine


def gather(engine: sa.Engine, name: str = "flights") -> horizon_comparison.HorizonComparison | None:
    case = usecases.get(name)
    return horizon_comparison.gather(engine, case, targets.target_type(case).display_names, *PERIOD)


@pytest.mark.parametrize("name", ["flights", "flights-live"])
def test_rows_compare_the_models_on_the_nights_that_both_have(engine: sa.Engine, name: str) -> None:
    result = gather(engine, name)
    assert result is not None
    assert result.rows == (("flights", "0.5000", "", "", ""), ("flights-live", "0.4000", "", "75.0%", "3"))
    assert result.caption == "Means over the last 10 nights that every model has labels of"


def test_each_chart_has_a_line_for_each_model_that_has_values(engine: sa.Engine) -> None:
    result = gather(engine)
    assert result is not None
    lines = [{each.name: len(each.points) for each in chart.series} for chart in result.charts]
    assert lines == [{"flights": NIGHTS, "flights-live": 10}, {"flights-live": 10}, {"flights-live": 2}]


def test_a_use_case_of_one_horizon_has_no_comparison(engine: sa.Engine) -> None:
    assert gather(engine, "employment") is None


def test_before_the_first_live_score_it_says_so(home: Settings) -> None:
    result = gather(warehouse.engine(home.warehouse_url))
    assert result is not None
    assert (result.charts, result.caption) == ((), "No night has labels for the scores of every model yet")


@pytest.mark.parametrize("name", ["flights", "flights-live"])
def test_the_pages_of_all_horizons_show_it(engine: sa.Engine, home: Settings, name: str) -> None:
    page = pages.use_case(home, name, MOMENT, "/ratchet")
    assert '<h2 id="horizons">Horizons</h2>' in page
    assert "75.0%" in page
