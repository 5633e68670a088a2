"""Former names of ledger kinds and payload fields, and their translation to current names.

Ledger entries are hash-chained and cannot be rewritten. Entries of a release before the upgrade keep their former names
and are translated when they are read. Former names are accepted only in entries before that of the upgrade itself; see
`include.stores.ledger`.
"""

from collections.abc import Mapping
from typing import Any

from ml.governance.ledger_entries import EntryKind

LAST_SCHEMA = "0006"  # the last schema of the warehouse under the former names
KINDS: Mapping[str, EntryKind] = {
    "overridden": EntryKind.GATE_OVERRIDDEN,
    "tested": EntryKind.ACCEPTANCE_TESTED,
    "shadowed": EntryKind.SHADOW_STARTED,
    "seen": EntryKind.SHADOW_REVIEWED,
    "shifted": EntryKind.TRAFFIC_SHIFTED,
    "passed": EntryKind.STAGE_PASSED,
    "withdrawn": EntryKind.ABORTED,
    "thawed": EntryKind.UNFROZEN,
    "issued": EntryKind.SCORES_PUBLISHED,
    "withheld": EntryKind.SCORES_HELD_BACK,
    "waived": EntryKind.PUBLICATION_OVERRIDDEN,
    "decided": EntryKind.RETRAINING_DECIDED,
    "labelled": EntryKind.LABEL_BATCH_DECIDED,
}
_TODAY = frozenset(EntryKind)
_FORMER: Mapping[EntryKind, tuple[str, ...]] = {
    kind: tuple(former for former, today in KINDS.items() if today is kind) for kind in EntryKind
}
_FIELDS: Mapping[EntryKind, Mapping[str, str]] = {
    EntryKind.PARITY: {"ways": "sources", "reads": "table_versions"},
    EntryKind.TUNED: {"settings": "hyperparameters"},
    EntryKind.JUDGED: {
        "reads": "table_versions",
        "model_card.md": "model_card",
        "dependencies": "environment_changes",
        "pictures": "plots",
        "champion_fault": "champion_error",
        "bar": "rule",
        "judged": "evaluation",
        "not_shown_to_pay": "features_without_benefit",
        "findings": "diagnostics",
    },
    EntryKind.SHADOW_STARTED: {"trained": "trained_night"},
    EntryKind.SHADOW_REVIEWED: {
        "trained": "trained_night",
        "answers": "responses",
        "faults": "errors",
        "difference": "mean_score_difference",
        "decisions": "decision_change_share",
    },
    EntryKind.TRAFFIC_SHIFTED: {"trained": "trained_night"},
    EntryKind.STAGE_PASSED: {"trained": "trained_night"},
    EntryKind.ABORTED: {"trained": "trained_night"},
    EntryKind.PROMOTED: {"canary": "canary_night"},
    EntryKind.ROLLED_BACK: {"from": "from_package"},
    EntryKind.FROZEN: {"from": "since"},
    EntryKind.SCORES_PUBLISHED: {"wrong": "invalid", "waived_by": "overridden_by"},
    EntryKind.SCORES_HELD_BACK: {"wrong": "invalid", "waived_by": "overridden_by"},
    EntryKind.RESCORED: {"reads": "table_versions"},
    EntryKind.RETRAINING_DECIDED: {"reads": "table_versions", "held_until": "throttled_until"},
    EntryKind.LABEL_BATCH_DECIDED: {"known": "labels", "answered": "baseline", "held_until": "throttled_until"},
}
# Fields of objects inside payloads, by the payload field that holds the objects.
_NESTED: Mapping[str, Mapping[str, str]] = {
    "checks": {
        "answer": "status",
        "seen": "observed",
        "needed": "min_observations",
        "of": "unit",
        "shown_after": "failed_after",
    },
    "evaluation": {"count": "night_count"},
    "facts": {"tried": "trained_nights", "loss_foreseen": "estimated_loss"},
    "sources": {"differ": "different"},
    "shortlist": {"seen": "observed"},
    "groups": {
        "by": "column",
        "selected": "selection_rate",
        "found": "true_positive_rate",
        "alarmed": "false_positive_rate",
        "calibration": "calibration_ratio",
        "parity": "relative_calibration",
        "rank": "auc_difference",
        "error": "mean_absolute_error",
        "below": "share_below",
        "coverage": "coverage_difference",
        "burden": "loss_ratio",
    },
}
_VALUES: Mapping[str, Mapping[str, str]] = {
    "state": {"above, does not ask": "suppressed", "quiet": "not fired", "not enough data": "insufficient data"},
    "rule": {"alone": "champion_unavailable"},
}


def former(kind: str) -> tuple[str, ...]:
    """Return the former names of a current kind.

    >>> former("aborted")
    ('withdrawn',)
    """
    return _FORMER[EntryKind(kind)] if kind in _TODAY else ()


def translate(kind: str, payload: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return kind and payload of an entry from before the upgrade under the current names.

    >>> translate("withdrawn", {"trained": "2024-03-01", "checks": [{"name": "errors", "answer": "fail"}]})
    ('aborted', {'trained_night': '2024-03-01', 'checks': [{'name': 'errors', 'status': 'fail'}]})
    """
    today = KINDS.get(kind, kind)
    names = _FIELDS.get(EntryKind(today), {}) if today in _TODAY else {}
    renamed = {names.get(name, name): value for name, value in payload.items()}
    if today == EntryKind.ABORTED:
        renamed.pop("from", None)  # it repeated the subject
    return str(today), {name: _translate_value(name, value) for name, value in renamed.items()}


def key(text: str) -> str:
    """Return the idempotency key that a former release used for the entry whose current key is `text`.

    >>> key("taxi:scores_published:2024-03-17:0af3")
    'taxi:issued:2024-03-17:0af3'
    """
    parts = text.split(":")
    return ":".join(former(part)[0] if former(part) else part for part in parts)


def _translate_value(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        names = _NESTED.get(name, {})
        inner = {names.get(each, each): content for each, content in value.items()}
        # `sources` maps each source to an object; the fields of these objects are those listed under `sources`.
        return {each: _translate_value(name if name == "sources" else each, content) for each, content in inner.items()}
    if isinstance(value, list):
        return [_translate_value(name, each) for each in value]
    return _VALUES.get(name, {}).get(value, value) if isinstance(value, str) else value
