"""A minimal payload for each kind of ledger entry."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from ml.governance import ledger_entries
from ml.governance.checks import Check, CheckStatus
from ml.governance.hash_chain import Json
from ml.governance.ledger_entries import (
    Aborted,
    AcceptanceTested,
    ApprovalRecord,
    EntryKind,
    Forgotten,
    Frozen,
    GateOverridden,
    LabelBatchDecided,
    ParityChecked,
    Payload,
    Promoted,
    Pruned,
    PrunedPart,
    PublicationDecided,
    PublicationOverridden,
    QueueRecord,
    Rescored,
    RetrainingDecided,
    RolledBack,
    ShadowReviewed,
    ShadowStarted,
    SnapshotOverridden,
    SnapshotWithdrawn,
    StagePassed,
    StandingLapsed,
    StandingProposed,
    StandingRevoked,
    TrafficShifted,
    Tuned,
    Unfrozen,
    Upgraded,
    Validated,
    Verdict,
)

NIGHT = date(2024, 3, 1)
CHECK = Check(name="log loss", value=0.51, bar="at most 0.69", status=CheckStatus.PASS)
_APPROVAL = ApprovalRecord(role="tech_lead", user="ann", choice="approved", evidence="f" * 64, signature="0" * 64)
_PUBLICATION = PublicationDecided(rows=10, invalid=0, checks=(), evidence="f" * 64)
SAMPLES: Mapping[EntryKind, Payload] = {
    EntryKind.VALIDATED: Validated(
        rows_in=900, rows_valid=899, rows_quarantined=1, files={}, quarantined={}, alerts=()
    ),
    EntryKind.PARITY: ParityChecked(sources={}, table_versions={}),
    EntryKind.TUNED: Tuned(recipe="r" * 64, trials=1, hyperparameters={}),
    EntryKind.JUDGED: Verdict(outcome="promote", reason="it had to be so"),
    EntryKind.JUDGED_AGAIN: Verdict(
        outcome="promote",
        reason="later nights showed it",
        queue=QueueRecord(night=NIGHT, since=NIGHT, evidence=41.0, level=40.0, nights=28),
    ),
    EntryKind.GATE_OVERRIDDEN: GateOverridden(who="ann", why="a test", until=NIGHT, outcome="keep"),
    EntryKind.ACCEPTANCE_TESTED: AcceptanceTested(outcome="pass", checks=()),
    EntryKind.APPROVED: _APPROVAL,
    EntryKind.REJECTED: replace(_APPROVAL, choice="rejected"),
    EntryKind.SHADOW_STARTED: ShadowStarted(trained_night=NIGHT),
    EntryKind.SHADOW_REVIEWED: ShadowReviewed(
        trained_night=NIGHT, responses=500, errors=0, mean_score_difference=0.0, decision_change_share=0.0
    ),
    EntryKind.TRAFFIC_SHIFTED: TrafficShifted(trained_night=NIGHT, share=0.05),
    EntryKind.STAGE_PASSED: StagePassed(trained_night=NIGHT, share=0.05, reason="nothing against it", checks=()),
    EntryKind.ABORTED: Aborted(who="ann", why="a test"),
    EntryKind.PROMOTED: Promoted(approved_by=("ann", "bob"), evidence="f" * 64),
    EntryKind.ROLLED_BACK: RolledBack(who="ann", why="a test", from_package="c" * 64),
    EntryKind.FROZEN: Frozen(
        since="2024-03-01T00:00:00+00:00", until="2024-03-02T00:00:00+00:00", who="ann", why="a test"
    ),
    EntryKind.UNFROZEN: Unfrozen(who="ann", why="a test"),
    EntryKind.STANDING_PROPOSED: StandingProposed(
        recipe="r",
        rules="d",
        adoptions=2,
        nights_between=7,
        harm_budget=0.1,
        until=date(2024, 6, 30),
        who="ann",
        why="routine",
    ),
    EntryKind.STANDING_REVOKED: StandingRevoked(who="ann", why="enough"),
    EntryKind.STANDING_LAPSED: StandingLapsed(trained_night=date(2024, 3, 1), standing="s", reason="it ended"),
    EntryKind.SCORES_PUBLISHED: _PUBLICATION,
    EntryKind.SCORES_HELD_BACK: _PUBLICATION,
    EntryKind.PUBLICATION_OVERRIDDEN: PublicationOverridden(who="ann", why="a test"),
    EntryKind.SNAPSHOT_OVERRIDDEN: SnapshotOverridden(who="ann", why="a test"),
    EntryKind.SNAPSHOT_WITHDRAWN: SnapshotWithdrawn(who="ann", why="a test"),
    EntryKind.RESCORED: Rescored(first=NIGHT, last=NIGHT, nights=1, who="ann", why="a test", table_versions={}),
    EntryKind.RETRAINING_DECIDED: RetrainingDecided(retrain=False, reason="nothing fired"),
    EntryKind.LABEL_BATCH_DECIDED: LabelBatchDecided(labels=60, baseline=0, retrain=False, reason="too few"),
    EntryKind.UPGRADED: Upgraded(from_schema="0006", to_schema="0007", done=()),
    EntryKind.PRUNED: Pruned(parts={"reports": PrunedPart(items=2, size_bytes=4_000_000, first_kept=NIGHT)}),
    EntryKind.FORGOTTEN: Forgotten(who="ann", why="a test", landing=False),
}


def sample(kind: EntryKind, **changes: Any) -> Payload:
    """Return the sample payload of `kind`, with some fields changed."""
    return replace(SAMPLES[kind], **changes)


def stored(kind: EntryKind, **changes: Any) -> dict[str, Json]:
    """Return the same payload in the form in which the ledger stores it."""
    return ledger_entries.encode(kind, sample(kind, **changes))
