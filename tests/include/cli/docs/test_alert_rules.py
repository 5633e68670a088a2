"""The page of the alerts has every rule, with a link into the runbook."""

import yaml

from include.cli.docs import alert_rules
from include.settings import PROJECT

RULES = (PROJECT / "include/serving/prometheus/rules.yaml").read_text()
PAGE = alert_rules.page(RULES)
RUNBOOK = (PROJECT / "docs/operate/alerts.md").read_text()


def test_every_rule_has_a_section_and_a_runbook() -> None:
    names = [rule["alert"] for group in yaml.safe_load(RULES)["groups"] for rule in group["rules"]]
    assert [name for name in names if f"\n## {name}\n" not in PAGE or f"\n## {name}\n" not in RUNBOOK] == []


def test_placeholders_are_written_in_words() -> None:
    assert "{{" not in PAGE
    assert "Message: *instance* does not answer." in PAGE
