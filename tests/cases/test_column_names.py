"""Columns whose names MLflow, LightGBM, Feast and Python refuse work from the files to the monitored night."""

from typing import Any

import pandas as pd

from include.settings import Settings
from include.steps import ingest, release, train
from include.steps.features import build, materialize, parity
from include.steps.monitor import monitor
from include.steps.score import score
from include.stores import lake, warehouse
from tests import in_process
from tests.cases.conftest import Variant
from tests.conftest import TOYS

SPEND, CHURNED = 'Monthly "Spend" (EUR) {a}:[b],c=d;e', "Churned?"
HISTORY, LAST, NIGHT, NEXT = "2023-01-01..2023-12-01", "2023-12-01", "2024-01-01", "2024-02-01"
FUNCTION = """import pandas as pd


def half(Monthly_Spend_EUR_a_b_c_d_e: pd.Series) -> pd.Series:
    return Monthly_Spend_EUR_a_b_c_d_e / 2
"""


def test_a_use_case_of_awkward_columns_gets_a_champion_and_monitored_scores(home: Settings, variant: Variant) -> None:
    renamed = {"visits": SPEND, "renewed": CHURNED}
    source = (TOYS / "gym" / "source.py").read_text()
    source = source.replace("rows.to_csv(", f"rows.rename(columns={renamed!r}).to_csv(").replace(".gym.", ".club.")
    fields: dict[str, Any] = {
        "visits: Series[float] = pa.Field(ge=0, le=31)": f"visits: Series[float] = pa.Field(ge=0, alias={SPEND!r})",
        "renewed: Series[float] = pa.Field(isin=[0, 1])": f"renewed: Series[float] = pa.Field(alias={CHURNED!r})",
    }
    declared = {
        'Column("visits"))': f'Column({SPEND!r}), Function("half"))',
        'label="renewed"': f"label={CHURNED!r}",
        "    Column,\n": "    Column,\n    Function,\n",
    }
    case = variant("gym", "club", {"schema": fields, "usecase": declared}, source=source, features=FUNCTION)
    ingest.ingest("club", HISTORY)
    build.build("club", HISTORY)
    rows = lake.read(build.address(home.lake, case))
    pd.testing.assert_series_equal(rows["half"] * 2, rows[SPEND], check_names=False)
    with in_process.probing(over_http=True):
        assert train.train("club", LAST, train.BOOTSTRAP)
        assert release.run_acceptance_tests("club", LAST)
    for role, user in (("tech_lead", "tess"), ("business_owner", "bob")):
        release.approve("club", LAST, role, user, "Approve")
    release.promote("club", LAST)
    for night in (NIGHT, NEXT):
        ingest.ingest("club", night)
        build.build("club", night)
        score.score("club", night)
    monitor.measure("club", NEXT)
    engine = warehouse.engine(home.warehouse_url)
    assert len(warehouse.scores(engine, "club", case.schedule.parse(NEXT).last)) == 120
    materialize.apply("club")
    materialize.materialize("club", NEXT)
    assert parity.check("club", NEXT) == 0
