"""Evidently's page is written whole, also where a column has no value."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from include.stores import report_paths


def test_the_drift_page_names_the_columns_that_have_values(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    reference = pd.DataFrame({"fare_usd": chance.normal(size=200), "gust_mph": chance.normal(size=200)})
    current = pd.DataFrame({"fare_usd": chance.normal(3, size=200), "gust_mph": np.full(200, np.nan)})
    page = report_paths.drift_report(tmp_path, "taxi", date(2013, 2, 1))
    report_paths.write_drift_report(page, reference, current)
    html = page.read_text()
    assert "fare_usd" in html
    assert html.count("gust_mph") == 1
    assert "<p>Left out, because they cannot be compared: gust_mph has no value now.</p>" in html
