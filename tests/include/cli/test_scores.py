"""`ratchet scores` writes the marks of the latest scores, and warns of those that are not known to be out of sample."""

from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from include.cli.main import app
from include.settings import load_settings
from include.stores import warehouse
from ml.usecase import UseCase
from tests import published

NIGHT, AT = date(2024, 3, 18), datetime(2024, 3, 18, 5, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taxi: UseCase) -> sa.Engine:
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path))
    load_settings.cache_clear()
    url = load_settings().warehouse_url
    warehouse.migrate(url)
    return warehouse.engine(url)


@pytest.mark.parametrize(
    ("marks", "warning"),
    [
        pytest.param({"m1": True}, "", id="all are out of sample"),
        pytest.param(
            {"m1": True, "m2": False}, "Warning: 2 of 4 scores are in sample: their model", id="some in sample"
        ),
        pytest.param(
            {"m1": None}, "Warning: 0 of 2 scores are in sample, and of 2 it is not known: their model", id="unknown"
        ),
    ],
)
def test_scores_that_are_not_known_to_be_out_of_sample_are_warned_of_with_counts(
    engine: sa.Engine, tmp_path: Path, marks: dict[str, bool | None], warning: str
) -> None:
    for digest, mark in marks.items():
        frame = pd.DataFrame({"entity": [f"{digest} 0", f"{digest} 1"], "score": [0.25, 0.5]})
        published.publish(engine, "taxi", NIGHT, digest, frame, AT, out_of_sample=mark)
    done = CliRunner().invoke(app, ["scores", "taxi", "--out", str(tmp_path / "scores.parquet")])
    assert (done.exit_code, done.stderr.partition(" learned")[0].removesuffix("\n")) == (0, warning)
    written = pd.read_parquet(tmp_path / "scores.parquet").astype({"out_of_sample": object})
    assert {mark if pd.notna(mark) else None for mark in written["out_of_sample"]} == set(marks.values())
