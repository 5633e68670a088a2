"""The alert rules, and the dashboard of the server: every case by Prometheus' own tool, every metric one that a server has, every manual there."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from include.settings import PROJECT, Settings
from tests import served

FOLDER = PROJECT / "include/serving/prometheus"
CASES = Path(__file__).with_name("cases.yaml")
RULES = [rule for group in yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"] for rule in group["rules"]]
MANUAL = (PROJECT / "docs/operate/alerts.md").read_text()
BOARD = json.loads((FOLDER.parent / "grafana/server.json").read_text())
DRAWN = [target["expr"].replace("$instance", ".*") for panel in BOARD["panels"] for target in panel["targets"]]
OUTSIDE = {"up"}


@pytest.mark.servers
def test_every_metric_that_is_asked_for_is_one_that_a_server_has(home: Settings) -> None:
    with served.running(home) as server:
        page = server.client.get("/metrics").text
    reported = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")}
    expressions = [*(rule["expr"] for rule in RULES), *DRAWN]
    asked = {name for each in expressions for name in re.findall(r"\b(?:ratchet|process)_[a-z_]+\b|\bup\b", each)}
    assert {name.removesuffix("_bucket") for name in asked} - OUTSIDE <= reported
    assert len(asked) >= len(RULES) - 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_how_bad_it_is_and_where_to_look(rule: dict[str, dict[str, str]]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket", "none")
    page, _, anchor = rule["annotations"]["look"].partition("#")
    assert page == "docs/operate/alerts.md"
    assert f"## {rule['alert']}\n" in MANUAL
    assert anchor == str(rule["alert"]).lower()


def test_every_alert_has_a_case() -> None:
    assert [rule["alert"] for rule in RULES if rule["alert"] not in CASES.read_text()] == []


@pytest.mark.servers
@pytest.mark.skipif(shutil.which("promtool") is None, reason="Debian's package prometheus is not installed")
@pytest.mark.parametrize("words", [("check", "rules", str(FOLDER / "rules.yaml")), ("test", "rules", str(CASES))])
def test_prometheus_agrees(words: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.servers
@pytest.mark.skipif(shutil.which("promtool") is None, reason="Debian's package prometheus is not installed")
def test_prometheus_can_read_what_the_dashboard_draws(tmp_path: Path) -> None:
    rules = [{"record": f"drawn:{place}", "expr": expr} for place, expr in enumerate(DRAWN)]
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump({"groups": [{"name": "drawn", "rules": rules}]}))
    command = ["promtool", "check", "rules", str(tmp_path / "drawn.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.servers
@pytest.mark.skipif(shutil.which("amtool") is None, reason="Debian's package prometheus-alertmanager is not installed")
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("alertname=RatchetWatchdog", "severity=none"), "watchdog"),
        (("alertname=RatchetServerDown", "severity=page"), "pages"),
        (("alertname=RatchetStale", "severity=ticket"), "tickets"),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else value,
)
def test_alertmanager_agrees_and_tells_whom_it_should(labels: tuple[str, ...], receiver: str) -> None:
    config = FOLDER / "alertmanager.yaml"
    command = ["amtool", "config", "routes", "test", f"--config.file={config}", f"--verify.receivers={receiver}"]
    done = subprocess.run([*command, *labels], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
