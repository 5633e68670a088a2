"""Runs and versions leave MLflow with their files; those of other use cases stay."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from include.settings import Settings
from include.stores import registry
from include.stores.registry import client, removal
from tests.unsigned import package

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")  # MLflow's own

EXAMPLE = pd.DataFrame({"distance": [1.0, 2.0]})


def train(settings: Settings, use_case: str, night: int, answer: float) -> tuple[str, str]:
    """Log a run and register its package; return the run's id and the package's digest."""
    digest, files = package(answer)
    params = {"package": digest}
    run = registry.log_training(
        settings, use_case, date(2024, 3, night), params, {"loss": answer}, {"card.md": b"x" * 99}
    )
    registry.register(settings, use_case, digest, files, EXAMPLE, run_id=run)
    return run, digest


def artifacts(settings: Settings) -> list[Path]:
    return [path for path in settings.mlflow_artifacts.rglob("*") if path.is_file()]


def test_what_is_removed_leaves_no_file_and_everything_else_stays(home: Settings) -> None:
    old, new = train(home, "taxi", 1, 0.25), train(home, "taxi", 2, 0.5)
    other = train(home, "ferry", 1, 0.75)
    listed = removal.runs(home, "taxi")
    assert [(each.run_id, each.night.day, each.package) for each in listed] == [
        (old[0], 1, old[1]),
        (new[0], 2, new[1]),
    ]
    assert all(each.size_bytes >= 99 for each in listed)
    assert removal.version_sizes(home, "taxi").keys() == {old[1], new[1]}

    removal.remove_packages(home, "taxi", [old[1]])
    removal.remove_runs(home, "taxi", [old[0], "gone already"])
    removal.remove_runs(home, "taxi", [old[0]])
    assert [each.run_id for each in removal.runs(home, "taxi")] == [new[0]]
    assert removal.version_sizes(home, "taxi").keys() == {new[1]}
    assert not [path for path in artifacts(home) if old[0] in path.parts]
    assert len([path for path in artifacts(home) if path.name == "card.md"]) == 2

    assert removal.remove_use_case(home, "taxi") == 2
    assert removal.runs(home, "taxi") == ()
    assert not client.connect(home).search_registered_models("name = 'taxi'")
    assert {path.relative_to(home.mlflow_artifacts).parts[0] for path in artifacts(home)} == {"ferry"}
    assert [each.run_id for each in removal.runs(home, "ferry")] == [other[0]]
    assert train(home, "taxi", 3, 0.25)[1] == old[1]


def test_runs_that_somebody_else_deleted_are_not_removed(home: Settings) -> None:
    deleted, mine = train(home, "ferry", 1, 0.75), train(home, "taxi", 1, 0.25)
    client.connect(home).delete_run(deleted[0])
    removal.remove_runs(home, "taxi", [mine[0]])
    removal.remove_packages(home, "taxi", [mine[1]])
    assert [each.run_id for each in removal.runs(home, "ferry")] == [deleted[0]]
    assert removal.remove_use_case(home, "gym") == 0
