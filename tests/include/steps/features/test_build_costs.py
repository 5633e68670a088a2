from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from include import usecases
from include.settings import Settings
from include.steps.features import build, build_costs
from include.stores import lake, warehouse
from ml.usecase import Personal, UseCase, periods
from ml.usecase.features import title
from tests.include.steps.conftest import HISTORY, LAST, NIGHT, STEPS

Arrive = Callable[[str], Settings]
WHEN = date.fromisoformat(LAST)


def test_every_declaration_of_both_horizons_is_timed(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("features")
    STEPS["features"]()
    engine = warehouse.engine(settings.warehouse_url)
    nightly, live = (
        build_costs.build_milliseconds(engine, taxi, table, WHEN) for table in map(build.table, taxi.horizons)
    )
    assert set(nightly) == {title(each) for each in taxi.features}
    assert set(live) == {title(each) for each in taxi.features_at(taxi.lives[0])}
    rows = len(lake.read(build.address(settings.lake, taxi)))
    assert all(each.n == rows and each.value is not None and each.value >= 0 for each in nightly.values())
    assert sum(each.value or 0 for each in nightly.values()) > 0


def test_the_last_build_by_a_night_is_told(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("score")
    engine = warehouse.engine(settings.warehouse_url)
    by_then, later = (
        build_costs.build_milliseconds(engine, taxi, build.TABLE, date.fromisoformat(night))["zone"]
        for night in (LAST, NIGHT)
    )
    assert (by_then.night, later.night) == (WHEN, date.fromisoformat(NIGHT))
    assert later.n < by_then.n


def test_null_shares_of_a_night_are_those_of_its_rows(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("features")
    traffic = build.valid_address(settings.lake, taxi, "traffic")
    kept = lake.read(traffic)
    lake.replace(traffic, periods.parse(HISTORY), kept[kept["zone"] != kept["zone"].iloc[0]])
    STEPS["features"]()
    rows = lake.read(build.address(settings.lake, taxi), "2024-03-05", "2024-03-05")
    day, engine = date(2024, 3, 5), warehouse.engine(settings.warehouse_url)
    reported = {each.metric: each for each in warehouse.metrics(engine, "taxi", day, day, slice=build.TABLE)}
    assert {name: (each.value, each.n) for name, each in reported.items()} == {
        f"null_share:{name}": (rows[name].isna().mean(), len(rows)) for name in taxi.feature_names
    }
    assert 0 < (reported["null_share:congestion"].value or 0) < 1


def test_the_null_share_of_a_personal_feature_is_told_only_where_reports_may_tell_it(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("features")
    about = (Personal(column="kilometres", may_reach=("features",), why="a test"),)
    tables = tuple(replace(each, personal=about) if each.name == "bookings" else each for each in taxi.tables)
    monkeypatch.setattr(usecases, "get", lambda _: replace(taxi, tables=tables))
    build.build("taxi", HISTORY)
    shown = {each.metric for each in warehouse.metrics(warehouse.engine(settings.warehouse_url), "taxi")}
    assert "null_share:zone" in shown
    assert "null_share:kilometres" not in shown
