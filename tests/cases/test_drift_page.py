"""The drift page is written for the columns that can be compared, and says which are left out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from include.stores import report_paths

CHANCE = np.random.default_rng(0)
LEARNED = pd.DataFrame(
    {
        "gust_mph": CHANCE.normal(size=300),
        "carrier": pd.Series(CHANCE.choice(["a", "b"], 300)).astype("category"),
    }
)
NIGHT = LEARNED.head(20)
NOTHING = NIGHT.assign(gust_mph=np.nan, carrier=pd.Series([None] * 20, dtype="category"))


@pytest.mark.parametrize(
    "night",
    [
        pytest.param(NIGHT.assign(gust_mph=np.nan), id="one column empty"),
        pytest.param(NIGHT.head(1), id="one row"),
        pytest.param(NOTHING, id="all columns empty"),
        pytest.param(NIGHT.assign(gust_mph=np.inf), id="one column infinite"),
    ],
)
def test_the_page_is_written(tmp_path: Path, night: pd.DataFrame) -> None:
    report_paths.write_drift_report(tmp_path / "drift.html", LEARNED, night)
    assert "<html" in (tmp_path / "drift.html").read_text()


@pytest.mark.parametrize(
    ("night", "left_out"),
    [
        pytest.param(NIGHT.assign(gust_mph=np.nan), ["gust_mph"], id="empty"),
        pytest.param(NIGHT.assign(gust_mph=np.inf), ["gust_mph"], id="infinite"),
        pytest.param(NOTHING, ["gust_mph", "carrier"], id="all of them"),
    ],
)
def test_the_page_names_what_it_leaves_out(tmp_path: Path, night: pd.DataFrame, left_out: list[str]) -> None:
    report_paths.write_drift_report(tmp_path / "drift.html", LEARNED, night)
    page = (tmp_path / "drift.html").read_text()
    assert [name for name in left_out if name not in page] == []
