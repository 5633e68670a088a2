from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from include import usecases
from include.settings import Settings
from include.steps import features, release, train
from include.stores import lake, ledger, pages, warehouse
from include.stores.registry import client
from ml import nights
from ml.usecase import Personal, UseCase
from tests.include.steps.conftest import HISTORY, LAST

Arrive = Callable[[str], Settings]


def planted(where: Settings, taxi: UseCase) -> None:
    """Make a feature of the history pure chance, and another all but the label."""
    rows = lake.read(features.address(where.lake, taxi)).sort_values("entity", ignore_index=True)
    late = rows["entity"].map(lake.read(features.valid(where.lake, taxi, "rides")).set_index("entity")["is_late"])
    chance = np.random.default_rng(8)
    rows = rows.assign(
        kilometres=chance.normal(size=len(rows)),
        pickup_hour=late.fillna(0).to_numpy(float) + chance.normal(0, 0.8, len(rows)),
    )
    lake.replace(features.address(where.lake, taxi), nights.parse(HISTORY), rows)


def trained(where: Settings, taxi: UseCase) -> str:
    """Train on planted features and return the card."""
    planted(where, taxi)
    train.train("taxi", LAST, train.BOOTSTRAP)
    return pages.card(where.reports, "taxi", date.fromisoformat(LAST)).read_text()


def test_a_feature_of_pure_chance_is_named_in_card_ledger_and_dossier_and_one_that_bears_the_label_is_not(
    arrive: Arrive, taxi: UseCase
) -> None:
    where = arrive("train")
    unpaid = trained(where, taxi).partition("## Cost and do not pay")[2]
    assert "* `kilometres` costs " in unpaid
    assert "needs bookings (kilometres)" in unpaid
    assert "`pickup_hour`" not in unpaid
    (judged,) = ledger.entries(warehouse.engine(where.warehouse_url), "taxi", "judged")
    named = judged.payload["not_shown_to_pay"]
    assert "kilometres" in named
    assert "pickup_hour" not in named
    (sentence,) = [line for line in release.dossier("taxi", LAST).splitlines() if "not shown to pay" in line]
    assert "`kilometres`" in sentence
    assert "`pickup_hour`" not in sentence


def test_the_run_holds_the_card_the_table_and_a_number_for_each_feature(arrive: Arrive, taxi: UseCase) -> None:
    where = arrive("train")
    text = trained(where, taxi)
    mlflow = client.connect(where)
    (run,) = mlflow.search_runs([client.experiment(mlflow, where, "taxi")])
    told = {name: float(number) for name, number in run.data.metrics.items() if name.startswith("benefit.")}
    columns = [each.outputs[0] for each in taxi.features]
    assert set(told) == {f"benefit.{how}.{name}" for how in ("within", "across") for name in columns}
    shown = {each.path for each in mlflow.list_artifacts(run.info.run_id)}
    assert {"model_card.md", "features.csv"} <= shown
    stored = (where.mlflow_artifacts / "taxi" / run.info.run_id / "artifacts" / "model_card.md").read_text()
    assert stored == text


def test_a_personal_column_is_named_with_where_it_may_go_and_nothing_of_its_values_is_told(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = arrive("train")
    about = (Personal(column="zone", may_reach=("features",), why="a test"),)
    tables = tuple(replace(each, personal=about) if each.name == "bookings" else each for each in taxi.tables)
    monkeypatch.setattr(
        usecases, "get", lambda _: replace(taxi, tables=tables, slices=(), edge_cases=(), fairness=None)
    )
    text = trained(where, taxi)
    assert "* `bookings.zone` may reach features\n" in text
    (row,) = [each for each in text.splitlines() if each.startswith("| `zone` |")]
    assert "| *** |" in row
    for level in lake.read(features.valid(where.lake, taxi, "bookings"))["zone"].unique():
        assert f"{level}" not in text.replace("zone", "")
