"""Features of the night and live ones rest side by side; a feature more is a line more."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest, release, train
from include.steps.features import build
from include.steps.score import score
from include.stores import ledger, packages, warehouse
from ml.packaging import package_files
from ml.usecase import UseCase
from tests.conftest import TOYS
from tests.include.steps.conftest import HISTORY, LAST, NIGHT


def live(case: UseCase, settings: Settings) -> pd.DataFrame:
    rows = build.read(settings.lake, case, horizon=case.lives[0])
    return rows.sort_values("entity", ignore_index=True)


def test_a_nights_live_features_come_with_the_landing_that_completes_them(
    arrive: Callable[[str], Settings], taxi: UseCase
) -> None:
    before, after = (sorted(live(taxi, arrive(step))["night"].unique()) for step in ("ingest a night", "score"))
    assert (before[0], before[-1], len(before)) == ("2024-03-01", "2024-03-15", 15)
    assert after == [*before, "2024-03-16"]


def test_live_features_built_night_by_night_are_those_built_at_once(
    arrive: Callable[[str], Settings], taxi: UseCase
) -> None:
    settings = arrive("monitor")
    nightly, entities = live(taxi, settings), build.read(settings.lake, taxi).sort_values("entity", ignore_index=True)
    build.build("taxi", "2024-03-01..2024-03-18")
    pd.testing.assert_frame_equal(live(taxi, settings), nightly, check_exact=True)
    again = build.read(settings.lake, taxi).sort_values("entity", ignore_index=True)
    pd.testing.assert_frame_equal(again, entities, check_exact=True)


def test_live_features_know_more_than_those_of_the_night(arrive: Callable[[str], Settings], taxi: UseCase) -> None:
    settings = arrive("monitor")
    known, rows = build.read(settings.lake, taxi).set_index("entity"), live(taxi, settings)
    assert list(rows.columns) == [
        "entity",
        "night",
        "cutoff",
        *taxi.all_names,
        "feature_service",
    ]
    name = "is_late_mean_by_zone_3d"
    assert (rows[name].to_numpy() != known.loc[rows["entity"], name].to_numpy()).any()
    assert rows["hours_since_is_late_by_zone"].min() < 5


def test_without_a_live_horizon_no_live_features_are_written(
    arrive: Callable[[str], Settings], taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("features")
    monkeypatch.setattr(usecases, "get", lambda name: replace(taxi, horizons=(taxi.schedule,)))
    build.build("taxi", HISTORY)
    assert not Path(build.address(settings.lake, taxi)).with_name("live").exists()


NOTED = {
    "usecase.py": ("        Column(\"kilometres\"),", "        Text(\"note\", components=3),"),
    "schema.py": ("    kilometres: Series[float] = pa.Field(gt=0, le=100)", "    note: Series[str] = pa.Field(nullable=True)"),
    "source.py": (
        "            columns=[\"driver\", \"minutes_late\", \"ended_at\"]",
        "        ).assign(note=lambda rows: (\"to \" + rows[\"zone\"]).where(rows[\"ride\"] % 7 > 0)",
    ),
}  # fmt: skip
HURRIED = {
    "usecase.py": (
        '        Column("kilometres"),',
        '        Since("rides", by=("zone",), condition="is_late", on="event_time", within_hours=48),',
    )
}


@pytest.mark.parametrize(
    ("name", "lines", "feature"),
    [
        pytest.param("hurried", HURRIED, "hours_since_is_late_by_zone_on_event_time", id="one line in one file"),
        pytest.param("noted", NOTED, "note", id="a text in a new column"),
    ],
)
def test_a_feature_added_is_built_learned_packed_and_scored(
    home: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    lines: dict[str, tuple[str, str]],
    feature: str,
) -> None:
    usecase_with(lines, name, tmp_path, monkeypatch)
    ingest.ingest(name, HISTORY)
    build.build(name, HISTORY)
    train.train(name, LAST, train.BOOTSTRAP)
    digest = release.run_acceptance_tests(name, LAST)
    for role, person in (("tech_lead", "tess"), ("business_owner", "bob")):
        release.approve(name, LAST, role, person, "Approve")
    release.promote(name, LAST)
    ingest.ingest(name, NIGHT)
    build.build(name, NIGHT)
    assert score.score(name, NIGHT) == 60
    files = packages.get(home.packages, digest, home.trusted_keys)
    assert feature in package_files.load(files).encoder.names
    package_files.check_golden(package_files.load(files), files)
    ledger.verify(warehouse.engine(home.warehouse_url))


def usecase_with(lines: dict[str, tuple[str, str]], name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay a copy of the toy beside the others, with one line more after another in some of its files."""
    shutil.copytree(TOYS / "taxi", folder / "usecases" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / "usecases" / name).glob("*.py"):
        text = re.sub(r"\btaxi\b", name, path.read_text())
        before, line = lines.get(path.name, ("", ""))
        assert before in text
        path.write_text(text.replace(before, f"{before}\n{line}", 1) if before else text)
    path = folder / "usecases" / name / "usecase.py"
    path.write_text(path.read_text().replace("    Table,\n", "    Table,\n    Text,\n", 1))
    monkeypatch.setattr(usecases, "__path__", [*usecases.__path__, str(folder / "usecases")])
    usecases.all.cache_clear()
    monkeypatch.setattr(usecases, "all", usecases.all)
