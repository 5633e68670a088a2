"""What an entry of the ledger decided and why, in one line for a person."""

from collections.abc import Callable, Mapping
from typing import Any

from ml.governance.hash_chain import Entry

Payload = Mapping[str, Any]


def describe(entry: Entry) -> str:
    """Return what was decided and why; of a kind that has no words of its own, its plain values."""
    return _DESCRIBERS.get(entry.kind, _describe_values)(entry.payload)


def _describe_validation(payload: Payload) -> str:
    counts = f"{payload['rows_valid']} of {payload['rows_in']} rows valid, {payload['rows_quarantined']} quarantined"
    return "; ".join([counts, *payload["alerts"]])


def _describe_decision(payload: Payload) -> str:
    return f"{'retrain' if payload['retrain'] else 'go on'}: {payload['reason']}"


def _describe_verdict(payload: Payload) -> str:
    request = "; ".join([f"asked for by {payload['trigger']}", *filter(None, [payload.get("budget")])])
    return f"{payload['outcome']}: {payload['reason']} ({request})"


def _describe_approval(payload: Payload) -> str:
    return f"by {payload['user']} as {payload['role']}"


def _describe_promotion(payload: Payload) -> str:
    return f"approved by {', '.join(payload['approved_by'])}"


def _describe_acceptance_tests(payload: Payload) -> str:
    failed = [f"{each['name']} (bar: {each['bar']})" for each in payload["checks"] if each["answer"] != "pass"]
    return f"fails {'; '.join(failed)}" if failed else f"passes all {len(payload['checks'])} checks of its battery"


def _describe_parity(payload: Payload) -> str:
    paths: Mapping[str, Mapping[str, Any]] = payload["ways"]
    different_paths = [path for path, result in paths.items() if result["differ"] or result["absent"]]
    return f"{len(paths)} ways compared; " + (
        f"what differs: {', '.join(different_paths)}" if different_paths else "none differs"
    )


def _describe_values(payload: Payload) -> str:
    plain = {name: value for name, value in payload.items() if isinstance(value, (str, int, float, bool))}
    return ", ".join(f"{name} {value}" for name, value in plain.items())


_DESCRIBERS: dict[str, Callable[[Payload], str]] = {
    "validated": _describe_validation,
    "decided": _describe_decision,
    "labelled": _describe_decision,
    "judged": _describe_verdict,
    "approved": _describe_approval,
    "rejected": _describe_approval,
    "promoted": _describe_promotion,
    "parity": _describe_parity,
    "tested": _describe_acceptance_tests,
}
