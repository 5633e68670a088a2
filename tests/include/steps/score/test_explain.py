"""A stored score is computed anew, to the same number, and says what it was made of."""

from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest
from typer.testing import CliRunner

from include.cli import main
from include.settings import Settings
from include.steps.features import build
from include.steps.score import explain
from include.stores import lake, warehouse
from ml.errors import LedgerError, RequestError
from ml.usecase import UseCase
from tests import published
from tests.include.steps.conftest import NIGHT

Arrive = Callable[[str], Settings]


def entity(settings: Settings) -> str:
    from datetime import date

    return str(
        warehouse.scores(warehouse.engine(settings.warehouse_url), "taxi", date.fromisoformat(NIGHT))["entity"].iloc[0]
    )


def test_a_score_names_its_package_features_sources_and_decision(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("ingest the next night")
    result = CliRunner().invoke(main.app, ["explain", "taxi", NIGHT, entity(settings)])
    assert result.exit_code == 0, result.output
    (package,) = settings.packages.glob("[!.]*")
    assert f"by package `{package.name}` from version 1 of the features" in result.output
    assert all(f"| {name} | " in result.output for name in taxi.feature_names)
    assert "rides (" in result.output
    assert "| bookings (zone) |" in result.output
    assert "Acting pays above 0.4000; this is " in result.output


def test_an_entity_without_a_score_is_told(arrive: Arrive) -> None:
    arrive("ingest the next night")
    with pytest.raises(RequestError, match="taxi has no score for 'nobody' on 2024-03-17; that night has 60"):
        explain.explain("taxi", NIGHT, "nobody")


def test_a_score_that_no_package_made_is_found_out(arrive: Arrive, taxi: UseCase) -> None:
    settings, night = arrive("monitor"), date(2024, 3, 18)
    engine, (package,) = warehouse.engine(settings.warehouse_url), settings.packages.glob("[!.]*")
    forged = pd.DataFrame({"entity": ["2024-03-18|0"], "score": [0.999]})
    version = lake.version(build.address(settings.lake, taxi))
    published.publish(engine, "taxi", night, package.name, forged, taxi.schedule.cutoff(night), version)
    with pytest.raises(LedgerError, match="the score 0.999 of '2024-03-18|0' was not made by package"):
        explain.explain("taxi", str(night), "2024-03-18|0")
