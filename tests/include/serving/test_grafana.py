"""The dashboards: JSON that Grafana provisions, and no metric that no server has."""

import json
import re
from typing import Any

import pytest
import yaml

from include.settings import PROJECT

FOLDER = PROJECT / "include/serving/grafana"
DASHBOARDS: dict[str, dict[str, Any]] = {path.name: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
SAID = (PROJECT / "include/serving/metrics.py").read_text() + (
    PROJECT / "include/serving/prometheus/rules.yaml"
).read_text()
SOURCE = yaml.safe_load((PROJECT / "include/platform/compose/grafana/datasources/prometheus.yaml").read_text())[
    "datasources"
][0]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_asks_the_source_that_is_provisioned_for_metrics_that_there_are(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert {panel["datasource"]["uid"] for panel in panels} == {SOURCE["uid"]}
    asked = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    metrics = {each.removesuffix("_bucket").removesuffix("_total") for each in re.findall(r"\b(ratchet_\w+)", asked)}
    assert {each for each in metrics if each.removeprefix("ratchet_") not in SAID} == set()
    assert metrics


def test_no_two_dashboards_or_panels_take_each_others_place() -> None:
    assert len({each["uid"] for each in DASHBOARDS.values()}) == len(DASHBOARDS)
    for each in DASHBOARDS.values():
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in each["panels"]]
        assert len(set(places)) == len(places)
