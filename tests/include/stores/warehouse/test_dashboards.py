"""What Grafana asks the warehouse, asked of a real Postgres."""

import json
from datetime import date

import pytest
import sqlalchemy as sa

from include.settings import PROJECT
from include.stores import warehouse
from include.stores.warehouse import TASK_SECONDS, Metric
from tests.postgres import Server

NIGHT = date(2024, 3, 15)
PANELS = json.loads((PROJECT / "include/dashboard/grafana/nights.json").read_text())["panels"]


def metric(name: str, value: float, part: str = "all") -> Metric:
    return Metric(use_case="taxi", night=NIGHT, model_digest="d", slice=part, metric=name, value=value, n=1)


@pytest.mark.servers
def test_every_panel_of_the_nights_draws_what_is_in_the_warehouse(postgres: Server) -> None:
    address = postgres.database()
    warehouse.migrate(address)
    engine = warehouse.engine(address)
    names = ("log_loss", "calibration_gap", "saved_per_1000", "alert_rate", "drifted_share", "labels_missing")
    reported = [metric(name, 0.5) for name in (*names, "latency_p50_ms", "latency_p99_ms")]
    warehouse.record_metrics(engine, [*reported, metric(TASK_SECONDS, 3.0, "task=score.score")])
    with engine.connect() as connection:
        for panel in PANELS:
            (target,) = panel["targets"]
            asked = (
                target["rawSql"].replace("$use_case", "taxi").replace("$__timeFilter(night)", "night > '2000-01-01'")
            )
            rows = connection.execute(sa.text(asked)).all()
            assert {row.time for row in rows} == {NIGHT}, panel["title"]
            assert {row.metric for row in rows} <= {*(each.metric for each in reported), "score"}, panel["title"]
