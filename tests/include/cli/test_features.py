"""`ratchet features` deploys, brings online and compares, in sentences."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from include.cli import main
from include.settings import Settings
from include.steps import ingest
from include.steps.context import StepContext
from include.steps.features import build
from include.stores import feature_store
from ml.usecase import UseCase

pytestmark = pytest.mark.usefixtures("online_store")
NIGHT = "2024-03-01"


@pytest.fixture
def ask(home: Settings, taxi: UseCase) -> Callable[..., Result]:
    """A function that asks `ratchet features` in a home with one night."""
    ingest.ingest("taxi", NIGHT)
    build.build("taxi", NIGHT)
    return lambda *words: CliRunner().invoke(main.app, ["features", *words], env={"COLUMNS": "160"})


def test_before_the_deploy_there_is_nothing_to_bring_online(ask: Callable[..., Result]) -> None:
    said = ask("materialize", "taxi", NIGHT)
    assert said.exit_code == 1
    assert "deploy them with `ratchet features apply`" in said.output


def test_a_deploy_names_what_is_new_and_a_night_can_then_be_served_and_compared(
    ask: Callable[..., Result], home: Settings, taxi: UseCase
) -> None:
    service = build.service(StepContext(case=taxi, settings=home))
    assert service.name in ask("apply", "taxi").output
    assert ask("apply", "taxi").output == "taxi: nothing new\n"
    assert "60 entities of 2024-03-01 can be served" in ask("materialize", "taxi", NIGHT).output
    assert ask("parity", "taxi", NIGHT).output.endswith("0 values differ\n")
    rows = build.read(home.lake, taxi, NIGHT, NIGHT).astype({"zone": object}).assign(kilometres=0.5)
    with feature_store.registry.open_store(home, "taxi") as store:
        store.write_to_online_store("entities", rows.drop(columns="night"))
    said = ask("parity", "taxi", NIGHT).output
    assert "online store differs from the table of features for 60 entities: kilometres of 60 entities" in said
    assert said.endswith("60 values differ\n")


def test_every_use_case_is_deployed_when_none_is_named(ask: Callable[..., Result], gym: UseCase) -> None:
    said = ask("apply")
    assert said.exit_code == 0, said.output
    assert {line.split(":")[0] for line in said.output.splitlines()} >= {"taxi", "gym"}


def test_the_features_of_nights_are_built_again(ask: Callable[..., Result], home: Settings, taxi: UseCase) -> None:
    before = build.read(home.lake, taxi)
    assert "60 entities of 2024-03-01 have features" in ask("build", "taxi", NIGHT).output
    assert build.read(home.lake, taxi).equals(before)
