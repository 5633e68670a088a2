"""The kinds of ledger entries, and the payload type of each kind.

Only this module encodes and decodes payloads; all other code uses the dataclasses. A payload is stored as a JSON object
of its fields, without those that are None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from ml.errors import LedgerError
from ml.governance.checks import Check
from ml.governance.hash_chain import Entry, Json


class EntryKind(StrEnum):
    """The kinds of entries, in the order in which they occur in a night and in a release."""

    VALIDATED = "validated"
    PARITY = "parity"
    TUNED = "tuned"
    JUDGED = "judged"
    JUDGED_AGAIN = "judged_again"
    GATE_OVERRIDDEN = "gate_overridden"
    ACCEPTANCE_TESTED = "acceptance_tested"
    APPROVED = "approved"
    REJECTED = "rejected"
    SHADOW_STARTED = "shadow_started"
    SHADOW_REVIEWED = "shadow_reviewed"
    TRAFFIC_SHIFTED = "traffic_shifted"
    STAGE_PASSED = "stage_passed"
    ABORTED = "aborted"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    FROZEN = "frozen"
    UNFROZEN = "unfrozen"
    STANDING_PROPOSED = "standing_proposed"
    STANDING_REVOKED = "standing_revoked"
    STANDING_LAPSED = "standing_lapsed"
    SCORES_PUBLISHED = "scores_published"
    SCORES_HELD_BACK = "scores_held_back"
    PUBLICATION_OVERRIDDEN = "publication_overridden"
    SNAPSHOT_OVERRIDDEN = "snapshot_overridden"
    SNAPSHOT_WITHDRAWN = "snapshot_withdrawn"
    RESCORED = "rescored"
    RETRAINING_DECIDED = "retraining_decided"
    LABEL_BATCH_DECIDED = "label_batch_decided"
    UPGRADED = "upgraded"
    PRUNED = "pruned"
    FORGOTTEN = "forgotten"


# The entries that determine which standing approval is in force, beside the signed approvals.
STANDING_KINDS = frozenset({EntryKind.STANDING_PROPOSED, EntryKind.STANDING_REVOKED, EntryKind.STANDING_LAPSED})
# The entries that determine the state of a release; `ml.rollout.state` folds them.
RELEASE_KINDS = frozenset(
    {
        EntryKind.SHADOW_STARTED,
        EntryKind.SHADOW_REVIEWED,
        EntryKind.TRAFFIC_SHIFTED,
        EntryKind.STAGE_PASSED,
        EntryKind.PROMOTED,
        EntryKind.REJECTED,
        EntryKind.ABORTED,
        EntryKind.ROLLED_BACK,
        EntryKind.FROZEN,
        EntryKind.UNFROZEN,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Validated:
    """The result of an ingestion: row counts, SHA-256 and quarantined rows by file, alerts, Delta version by table."""

    rows_in: int
    rows_valid: int
    rows_quarantined: int
    files: Mapping[str, str]
    quarantined: Mapping[str, int]
    alerts: tuple[str, ...]
    versions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceParity:
    """One source of features compared with the night: entities compared and absent, differing entities by feature."""

    entities: int
    absent: int
    different: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class ParityChecked:
    """The comparison of each source of features with the features that the night was scored with."""

    sources: Mapping[str, SourceParity]
    table_versions: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuned:
    """The best hyperparameters of a search of `trials` trials, for the recipe with this digest."""

    recipe: str
    trials: int
    hyperparameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredInterval:
    """An estimate with its interval; numbers that are not finite are None."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationRows:
    """The frozen rows that a verdict is based on: first and last night, number of rows and nights, digest."""

    nights: tuple[str, str]
    rows: int
    night_count: int
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateRecord:
    """One candidate of a training: its quality by metric, and the resources that serving it needs."""

    name: str
    quality: Mapping[str, Any]
    p99_latency_ms: float
    package_mb: float
    memory_mb: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonRecord:
    """Two candidates on the same out-of-fold rows: cost per 1000 rows and loss of `candidate` minus those of `other`."""

    candidate: str
    other: str
    cost: StoredInterval
    loss: StoredInterval


@dataclass(frozen=True, kw_only=True, slots=True)
class RefitRecord:
    """The digests of the judged model and of its refit, and the checks of their equivalence."""

    judged: str
    refit: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptionRecord:
    """What was known about a recipe when an unproven refresh was judged; see `ml.promotion.adoption.admission`.

    `evidence` is compared with `licence`, `allowance_used` with `allowance`, and `harm` with `harm_budget`. `checks`
    are those of the screen.
    """

    anchor: str
    evidence: float
    licence: float
    is_licensed: bool
    allowance_used: int
    allowance: int
    harm: float
    harm_budget: float
    checks: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueRecord:
    """The evidence by which an undecided challenger was shown better in the shadow queue as of `night`.

    `evidence` (an e-value from `nights` nights after `since`) reached `level` at some time.
    """

    night: date
    since: date
    evidence: float
    level: float
    nights: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The verdict on a challenger. The fields after `budget` are set only if a candidate could be fitted.

    `recipe` is the digest of its recipe. `admission` is the evidence on which it was admitted ("proof", "licence",
    "allowance"), and `adoption` what was known about its recipe if the gate did not show it better. `evidence` is the
    digest of the fields after `plots`; approvers sign it. `queue` is set if an undecided challenger was judged again.
    """

    outcome: str
    reason: str
    trigger: str = ""
    declared: str = ""
    plan: str = ""
    code: str = ""
    table_versions: Mapping[str, int] = field(default_factory=dict)
    budget: str | None = None
    package: str | None = None
    version: str | None = None
    model_card: str | None = None
    evidence: str | None = None
    environment_changes: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    champion: str | None = None
    champion_error: str | None = None
    rule: str | None = None
    gain: StoredInterval | None = None
    cost_gain: StoredInterval | None = None
    evaluation: EvaluationRows | None = None
    checks: tuple[Check, ...] = ()
    candidates: tuple[CandidateRecord, ...] = ()
    comparisons: tuple[ComparisonRecord, ...] = ()
    choice: str = ""
    features_without_benefit: tuple[str, ...] = ()
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    refit: RefitRecord | None = None
    recipe: str | None = None
    centred_gain: StoredInterval | None = None
    admission: str | None = None
    adoption: AdoptionRecord | None = None
    queue: QueueRecord | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GateOverridden:
    """An override of the gate: who lets a challenger continue, why, until when, and the outcome that is overridden."""

    who: str
    why: str
    until: date
    outcome: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AcceptanceTested:
    """The acceptance tests of a package, and "pass" or "fail"."""

    outcome: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalRecord:
    """The signed decision of a person in a role on the given evidence; see `include.stores.approvals`."""

    role: str
    user: str
    choice: str
    evidence: str
    signature: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ShadowStarted:
    """A challenger, trained as of `trained_night`, began to score copies of requests as a shadow."""

    trained_night: date


@dataclass(frozen=True, kw_only=True, slots=True)
class ShadowReviewed:
    """The shadow's results: responses, errors, mean |score difference|, share of decisions that would change."""

    trained_night: date
    responses: int
    errors: int
    mean_score_difference: float
    decision_change_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficShifted:
    """The challenger answers for `share` of the entities. The first shift names the approvers and the evidence.

    `standing` is the standing approval that they gave, None if they approved this package.
    """

    trained_night: date
    share: float
    approved_by: tuple[str, ...] = ()
    evidence: str | None = None
    standing: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StagePassed:
    """The challenger passed the canary test at `share`."""

    trained_night: date
    share: float
    reason: str
    checks: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Aborted:
    """A challenger's release was aborted: by the canary test (`checks`), or by a person (`who`, `why`)."""

    trained_night: date | None = None
    share: float | None = None
    reason: str | None = None
    checks: tuple[Mapping[str, Any], ...] = ()
    who: str | None = None
    why: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Promoted:
    """A challenger became champion. `canary_night` is the last night of its canary, if it had one.

    `standing` is the standing approval that `approved_by` gave, None if they approved this package.
    """

    approved_by: tuple[str, ...]
    evidence: str
    canary_night: date | None = None
    standing: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RolledBack:
    """The champion `from_package` was rolled back to the package that is the entry's subject, by a person or the guard.

    `ended_recipe` is the recipe of which no refresh is adopted unproven any more, if the harm budget was used up.
    """

    who: str
    why: str
    from_package: str
    ended_recipe: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    """Releases are frozen from `since` until `until`, both ISO 8601 in UTC."""

    since: str
    until: str
    who: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfrozen:
    """A person ended the freeze whose key is the entry's subject."""

    who: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingProposed:
    """The terms of a standing approval, and the person who proposed them; see `ml.promotion.adoption.standing_approval`.

    `recipe` and `rules` are digests. Up to `adoptions` refreshes may be adopted, at least `nights_between` nights
    apart, until the end of the day `until` (UTC) and while the harm is at most `harm_budget`. The digest of the entry
    names the standing approval, and is what approvers sign. `backtest` names the backtest that they were shown.
    """

    recipe: str
    rules: str
    adoptions: int
    nights_between: int
    harm_budget: float
    until: date
    who: str
    why: str
    backtest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingRevoked:
    """A person revoked the standing approval that is the entry's subject."""

    who: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingLapsed:
    """The standing approval under which the release of the package began no longer covers it: two people are asked."""

    trained_night: date
    standing: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicationDecided:
    """The decision to publish or hold back a night's scores: rows, invalid scores, checks, and any override."""

    rows: int
    invalid: int
    checks: tuple[Check, ...]
    evidence: str
    overridden_by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicationOverridden:
    """An override of the publication gate: who publishes held-back scores, and why. The subject is the evidence."""

    who: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotOverridden:
    """A person lets servers answer from the features of a night without published scores, and why."""

    who: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotWithdrawn:
    """A person withdrew the feature snapshot of a night from the servers, and why."""

    who: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rescored:
    """A person rescored the nights `first` to `last`."""

    first: date
    last: date
    nights: int
    who: str
    why: str
    table_versions: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrainingDecided:
    """The decision whether to retrain after a night: trigger, findings, facts, and the table versions read."""

    retrain: bool
    reason: str
    trigger: str | None = None
    throttled_until: str | None = None
    findings: tuple[Mapping[str, Any], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    table_versions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelBatchDecided:
    """The decision whether to retrain after new labels: labels now, and labels at the last decision (`baseline`)."""

    labels: int
    baseline: int
    retrain: bool
    reason: str
    trigger: str | None = None
    throttled_until: str | None = None
    findings: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Upgraded:
    """An installation was upgraded from one schema to another, in the steps `done`."""

    from_schema: str
    to_schema: str
    done: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PrunedPart:
    """What was removed of one part: the number of items, their bytes as far as known, and the first night kept."""

    items: int
    size_bytes: int
    first_kept: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """What is past its retention was removed, by part; `packages` has the digests of the packages removed."""

    parts: Mapping[str, PrunedPart]
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgotten:
    """A person removed all data of the use case, with its landed files if `landing`. Earlier entries no longer count."""

    who: str
    why: str
    landing: bool


Payload = (
    Validated
    | ParityChecked
    | Tuned
    | Verdict
    | GateOverridden
    | AcceptanceTested
    | ApprovalRecord
    | ShadowStarted
    | ShadowReviewed
    | TrafficShifted
    | StagePassed
    | Aborted
    | Promoted
    | RolledBack
    | Frozen
    | Unfrozen
    | StandingProposed
    | StandingRevoked
    | StandingLapsed
    | PublicationDecided
    | PublicationOverridden
    | SnapshotOverridden
    | SnapshotWithdrawn
    | Rescored
    | RetrainingDecided
    | LabelBatchDecided
    | Upgraded
    | Pruned
    | Forgotten
)
_KINDS = frozenset(EntryKind)
_P = TypeVar("_P", bound=Payload)
PAYLOADS: Mapping[EntryKind, type[Payload]] = {
    EntryKind.VALIDATED: Validated,
    EntryKind.PARITY: ParityChecked,
    EntryKind.TUNED: Tuned,
    EntryKind.JUDGED: Verdict,
    EntryKind.JUDGED_AGAIN: Verdict,
    EntryKind.GATE_OVERRIDDEN: GateOverridden,
    EntryKind.ACCEPTANCE_TESTED: AcceptanceTested,
    EntryKind.APPROVED: ApprovalRecord,
    EntryKind.REJECTED: ApprovalRecord,
    EntryKind.SHADOW_STARTED: ShadowStarted,
    EntryKind.SHADOW_REVIEWED: ShadowReviewed,
    EntryKind.TRAFFIC_SHIFTED: TrafficShifted,
    EntryKind.STAGE_PASSED: StagePassed,
    EntryKind.ABORTED: Aborted,
    EntryKind.PROMOTED: Promoted,
    EntryKind.ROLLED_BACK: RolledBack,
    EntryKind.FROZEN: Frozen,
    EntryKind.UNFROZEN: Unfrozen,
    EntryKind.STANDING_PROPOSED: StandingProposed,
    EntryKind.STANDING_REVOKED: StandingRevoked,
    EntryKind.STANDING_LAPSED: StandingLapsed,
    EntryKind.SCORES_PUBLISHED: PublicationDecided,
    EntryKind.SCORES_HELD_BACK: PublicationDecided,
    EntryKind.PUBLICATION_OVERRIDDEN: PublicationOverridden,
    EntryKind.SNAPSHOT_OVERRIDDEN: SnapshotOverridden,
    EntryKind.SNAPSHOT_WITHDRAWN: SnapshotWithdrawn,
    EntryKind.RESCORED: Rescored,
    EntryKind.RETRAINING_DECIDED: RetrainingDecided,
    EntryKind.LABEL_BATCH_DECIDED: LabelBatchDecided,
    EntryKind.UPGRADED: Upgraded,
    EntryKind.PRUNED: Pruned,
    EntryKind.FORGOTTEN: Forgotten,
}


def read(entry: Entry, payload_type: type[_P]) -> _P:
    """Return the payload of `entry`; raises LedgerError if it is not of the type `payload_type`.

    >>> from datetime import UTC, datetime
    >>> stored = encode(EntryKind.UNFROZEN, Unfrozen(who="tess", why="the holidays are over"))
    >>> entry = Entry(kind="unfrozen", use_case="shop", night=None, subject="", payload=stored,
    ...               recorded_at=datetime(2024, 3, 1, tzinfo=UTC), key="")
    >>> read(entry, Unfrozen).who
    'tess'
    """
    expected = PAYLOADS.get(EntryKind(entry.kind)) if entry.kind in _KINDS else None
    if expected is not payload_type:
        raise LedgerError(
            f"entry {entry.seq} of the ledger is of the kind {entry.kind!r}, which has no {payload_type.__name__}: "
            "this is a bug in the code that reads it"
        )
    try:
        return msgspec.convert(dict(entry.payload), payload_type)
    except msgspec.ValidationError as error:
        raise LedgerError(
            f"the payload of entry {entry.seq} of the ledger ({entry.kind}) cannot be read as {payload_type.__name__}: "
            f"{error}. `ratchet ledger verify` checks whether it was changed; run `ratchet upgrade` if an older "
            "release wrote it"
        ) from None


def encode(kind: EntryKind, payload: Payload) -> dict[str, Json]:
    """Return `payload` as the ledger stores it; raises LedgerError if `kind` has another payload type."""
    if PAYLOADS[kind] is not type(payload):
        raise LedgerError(
            f"entries of the kind {kind!r} have a {PAYLOADS[kind].__name__}, got a {type(payload).__name__}"
        )
    values = {each.name: getattr(payload, each.name) for each in fields(payload)}
    try:
        stored: dict[str, Json] = msgspec.to_builtins({name: each for name, each in values.items() if each is not None})
    except TypeError as error:
        raise LedgerError(
            f"a payload of the kind {kind} has a value that is not JSON ({error}); store None instead"
        ) from None
    return stored
