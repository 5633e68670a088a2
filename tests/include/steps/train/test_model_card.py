from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from include import usecases
from include.cli import main
from include.settings import Settings
from include.steps import release, train
from include.steps.features import build
from include.steps.train import model_card
from include.stores import lake, report_paths
from include.stores.registry import client
from ml.errors import CardError, RequestError
from ml.usecase import Personal, UseCase, periods
from tests import recorded
from tests.include.steps.conftest import HISTORY, LAST

Arrive = Callable[[str], Settings]


def planted(settings: Settings, taxi: UseCase) -> None:
    """Make a feature of the history pure chance, and another all but the label."""
    rows = lake.read(build.address(settings.lake, taxi)).sort_values("entity", ignore_index=True)
    late = rows["entity"].map(
        lake.read(build.valid_address(settings.lake, taxi, "rides")).set_index("entity")["is_late"]
    )
    chance = np.random.default_rng(8)
    rows = rows.assign(
        kilometres=chance.normal(size=len(rows)),
        pickup_hour=late.fillna(0).to_numpy(float) + chance.normal(0, 0.8, len(rows)),
    )
    lake.replace(build.address(settings.lake, taxi), periods.parse(HISTORY), rows)


def trained(settings: Settings, taxi: UseCase) -> str:
    """Train on planted features and return the card."""
    planted(settings, taxi)
    train.train("taxi", LAST, train.BOOTSTRAP)
    return report_paths.model_card(settings.reports, "taxi", date.fromisoformat(LAST)).read_text()


def test_a_feature_of_pure_chance_is_named_in_card_ledger_and_dossier_and_one_that_bears_the_label_is_not(
    arrive: Arrive, taxi: UseCase
) -> None:
    settings = arrive("train")
    unpaid = trained(settings, taxi).partition("## Features without a shown benefit")[2]
    assert "* `kilometres` takes " in unpaid
    assert "needs bookings (kilometres)" in unpaid
    assert "`pickup_hour`" not in unpaid
    (judged,) = recorded.verdicts(settings)
    named = judged.features_without_benefit
    assert "kilometres" in named
    assert "pickup_hour" not in named
    (sentence,) = [
        line for line in release.render_evidence("taxi", LAST).splitlines() if "without a shown benefit" in line
    ]
    assert "`kilometres`" in sentence
    assert "`pickup_hour`" not in sentence


def test_the_run_holds_the_card_the_table_and_a_number_for_each_feature(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("train")
    text = trained(settings, taxi)
    mlflow = client.connect(settings)
    (run,) = mlflow.search_runs([client.experiment_id(mlflow, settings, "taxi")])
    reported = {name: float(number) for name, number in run.data.metrics.items() if name.startswith("benefit.")}
    columns = [each.outputs[0] for each in taxi.features]
    assert set(reported) == {f"benefit.{how}.{name}" for how in ("within", "across") for name in columns}
    shown = {each.path for each in mlflow.list_artifacts(run.info.run_id)}
    assert {"model_card.md", "features.csv"} <= shown
    stored = (settings.mlflow_artifacts / "taxi" / run.info.run_id / "artifacts" / "model_card.md").read_text()
    assert stored == text


def test_a_personal_column_is_named_with_where_it_may_go_and_nothing_of_its_values_is_told(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("train")
    about = (Personal(column="zone", may_reach=("features",), why="a test"),)
    tables = tuple(replace(each, personal=about) if each.name == "bookings" else each for each in taxi.tables)
    monkeypatch.setattr(
        usecases, "get", lambda _: replace(taxi, tables=tables, slices=(), edge_cases=(), fairness=None)
    )
    text = trained(settings, taxi)
    assert "* `bookings.zone` may reach features\n" in text
    (row,) = [each for each in text.splitlines() if each.startswith("| `zone` |")]
    assert "| *** |" in row
    for level in lake.read(build.valid_address(settings.lake, taxi, "bookings"))["zone"].unique():
        assert f"{level}" not in text.replace("zone", "")


@pytest.fixture
def reported(arrive: Arrive) -> Settings:
    """A home in which a model was trained and told its card."""
    return arrive("acceptance tests")


def edit(path: Path, was: str, now: str) -> None:
    assert was in path.read_text()
    path.write_text(path.read_text().replace(was, now, 1))


def shown(settings: Settings) -> Path:
    return report_paths.model_card(settings.reports, "taxi", date.fromisoformat(LAST))


def registered(settings: Settings) -> Path:
    (path,) = settings.mlflow_artifacts.rglob("artifacts/model_card.md")
    return path


def test_a_card_as_it_was_written_passes_its_check(reported: Settings) -> None:
    result = CliRunner().invoke(main.app, ["model-card", "check", "taxi", LAST])
    expected = f"the model card of taxi as of {LAST} agrees with the ledger and the registry\n"
    assert (result.exit_code, result.output) == (0, expected)


@pytest.mark.parametrize(
    ("was", "now", "named"),
    [
        pytest.param("**promote**", "**keep**", r"model_card.md: '\*\*keep\*\*,' where '\*\*promote\*\*,' was recorded", id="a verdict"),
        pytest.param("| `zone` | ", "| `zone` | 9", r"where '[-+.\d]+' was recorded, in: \| `zone`", id="a feature's worth"),
        pytest.param("# taxi, as of", "It is perfect.\n\n# taxi, as of", "has lines that were added", id="praise"),
    ],
)  # fmt: skip
def test_an_edited_card_is_refused_and_the_number_named(was: str, now: str, named: str, reported: Settings) -> None:
    edit(shown(reported), was, now)
    with pytest.raises(CardError, match=f"the model card of taxi as of {LAST} is not what was recorded: .*{named}"):
        model_card.check("taxi", LAST)


@pytest.fixture
def told_here(arrive: Arrive) -> Settings:
    """A home of which the registry was written here too: its addresses are absolute, and a copied home has another's."""
    settings = arrive("train")
    train.train("taxi", LAST, train.BOOTSTRAP)
    return settings


def test_the_registrys_copy_is_held_against_the_ledger_too(told_here: Settings) -> None:
    edit(registered(told_here), "**promote**", "**keep**")
    with pytest.raises(CardError, match=r"not what was recorded: the registry's model_card.md: '\*\*keep\*\*,' where"):
        model_card.check("taxi", LAST)


def test_where_both_copies_were_edited_the_ledger_still_knows(told_here: Settings) -> None:
    for path in (shown(told_here), registered(told_here)):
        edit(path, "| `zone` | ", "| `zone` | 9")
    with pytest.raises(CardError, match=r"model_card.md: expected SHA-256 \w{64}, got \w{64}"):
        model_card.check("taxi", LAST)


def test_an_edited_page_beside_a_whole_card_is_refused(reported: Settings) -> None:
    edit(shown(reported).with_suffix(".html"), "promote", "keep")
    with pytest.raises(CardError, match="model_card.html: its text differs from model_card.md"):
        model_card.check("taxi", LAST)


def test_a_night_of_which_no_card_tells_cannot_be_checked(reported: Settings) -> None:
    with pytest.raises(RequestError, match="taxi was not trained as of 2024-03-17"):
        model_card.check("taxi", "2024-03-17")
