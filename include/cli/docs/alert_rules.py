"""The page of the alerts: each rule that ships for Prometheus, and the kinds of alerts that nights write."""

from collections.abc import Mapping
from typing import Any

import yaml

from include.cli.docs import markdown

_SEVERITIES = {
    "page": "pages a person at once",
    "ticket": "opens a ticket",
    "none": "always fires; its absence is the alarm",
}


def page(rules: str) -> str:
    """Return the page of the rules in a file of Prometheus."""
    groups = yaml.safe_load(rules)["groups"]
    return markdown.page(
        "Alerts of the model server",
        markdown.paragraph(
            "Every alert that ships for Prometheus: when it fires and how urgent it is. Generated from"
            " `include/serving/prometheus/rules.yaml` by `make docs`. [What to do about each alert](../operate/alerts.md)"
            " is the runbook. Alerts of nights are rows of the warehouse; [monitoring](../operate/monitoring.md)"
            " describes them."
        ),
        *(_section(rule) for group in groups for rule in group["rules"]),
    )


def _section(rule: Mapping[str, Any]) -> str:
    name, severity = rule["alert"], rule["labels"]["severity"]
    wait = f" for {rule['for']}" if "for" in rule else ""
    facts = (
        f"Severity: `{severity}`, which {_SEVERITIES[severity]}.",
        f"Message: {_readable(rule['annotations']['summary'])}.",
        f"What to do: [{name}](../operate/alerts.md#{name.lower()}).",
    )
    expression = markdown.code(rule["expr"].strip(), "promql")
    return "\n\n".join([f"## {name}", markdown.items(facts), f"Fires when this holds{wait}:", expression])


def _readable(summary: str) -> str:
    """Return a summary with Prometheus' placeholders in words."""
    replaced = summary.replace("{{ $labels.instance }}", "*instance*").replace("{{ $labels.job }}", "*job*")
    head, *parts = replaced.split("{{")
    return head + "".join(f"*value*{part.partition('}}')[2]}" for part in parts)
