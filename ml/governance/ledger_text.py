"""What an entry of the ledger decided and why, in one line for a person."""

from collections.abc import Callable, Mapping
from typing import Any

from ml.governance.hash_chain import Entry

Payload = Mapping[str, Any]


def told(entry: Entry) -> str:
    """Return what was decided and why; of a kind that has no words of its own, its plain values."""
    return _TOLD.get(entry.kind, _values)(entry.payload)


def _validated(payload: Payload) -> str:
    counts = f"{payload['rows_valid']} of {payload['rows_in']} rows valid, {payload['rows_quarantined']} quarantined"
    return "; ".join([counts, *payload["alerts"]])


def _decided(payload: Payload) -> str:
    return f"{'retrain' if payload['retrain'] else 'go on'}: {payload['reason']}"


def _judged(payload: Payload) -> str:
    asked = "; ".join([f"asked for by {payload['trigger']}", *filter(None, [payload.get("budget")])])
    return f"{payload['outcome']}: {payload['reason']} ({asked})"


def _answered(payload: Payload) -> str:
    return f"by {payload['user']} as {payload['role']}"


def _promoted(payload: Payload) -> str:
    return f"approved by {', '.join(payload['approved_by'])}"


def _tested(payload: Payload) -> str:
    failed = [f"{each['name']} (bar: {each['bar']})" for each in payload["checks"] if each["answer"] != "pass"]
    return f"fails {'; '.join(failed)}" if failed else f"passes all {len(payload['checks'])} checks of its battery"


def _compared(payload: Payload) -> str:
    ways: Mapping[str, Mapping[str, Any]] = payload["ways"]
    differ = [way for way, found in ways.items() if found["differ"] or found["absent"]]
    return f"{len(ways)} ways compared; " + (f"what differs: {', '.join(differ)}" if differ else "none differs")


def _values(payload: Payload) -> str:
    plain = {name: value for name, value in payload.items() if isinstance(value, (str, int, float, bool))}
    return ", ".join(f"{name} {value}" for name, value in plain.items())


_TOLD: dict[str, Callable[[Payload], str]] = {
    "validated": _validated,
    "decided": _decided,
    "labelled": _decided,
    "judged": _judged,
    "approved": _answered,
    "rejected": _answered,
    "promoted": _promoted,
    "parity": _compared,
    "tested": _tested,
}
