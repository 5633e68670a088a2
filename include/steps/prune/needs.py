"""What must stay whatever its age: packages that serve, may serve or were released, and the nights that they need."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from include.steps import release_state
from include.steps.adoption import line as lines
from include.steps.adoption import queue as queues
from include.steps.context import StepContext
from include.steps.release import override
from include.stores import ledger, packages, registry
from ml.errors import PackageError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import RELEASE_KINDS, EntryKind, RolledBack, Verdict
from ml.governance.pruning import PruneNeed
from ml.packaging import package_files
from ml.promotion.adoption import shadow_queue
from ml.promotion.gate import Outcome
from ml.rollout.state import RolloutState

_ENDED = (EntryKind.PROMOTED, EntryKind.REJECTED, EntryKind.ABORTED)


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageNeeds:
    """The packages that must stay, each with the reason: `live` ones may score, `released` ones did at some time.

    `release_began` is the night before the first stage of a running release; `champion_night` is the night of the
    champion's training.
    """

    live: Mapping[str, str]
    released: Mapping[str, str]
    release_began: date | None = None
    champion_night: date | None = None

    @property
    def pinned(self) -> dict[str, str]:
        """All packages that must stay."""
        return {**self.released, **self.live}

    def release_needs(self) -> tuple[PruneNeed, ...]:
        """Return the need for the nights since a running release began; none without a release."""
        if self.release_began is None:
            return ()
        return (PruneNeed(since=self.release_began, reason="a release is running"),)


def find(context: StepContext) -> PackageNeeds:
    """Return the needs of the packages of the use case at all its horizons, from the ledger and the registry's aliases.

    The data is that of all horizons, and is kept for each of them.
    """
    needs = [_of_model(StepContext(case=model, settings=context.settings)) for model in context.case.models]
    return PackageNeeds(
        live={digest: reason for each in needs for digest, reason in each.live.items()},
        released={digest: reason for each in needs for digest, reason in each.released.items()},
        release_began=min((each.release_began for each in needs if each.release_began), default=None),
        champion_night=min((each.champion_night for each in needs if each.champion_night), default=None),
    )


def _of_model(context: StepContext) -> PackageNeeds:
    rollout = release_state.current(context)
    live = dict.fromkeys(_pending(context, rollout), "waits for approval")
    live |= dict.fromkeys(_evidence(context), "its gains are evidence for its recipe")
    live |= dict.fromkeys(_queued(context), "is undecided and stays in shadow")
    live |= dict.fromkeys(registry.aliased_digests(context.settings, context.case.name), "has an alias in MLflow")
    for digest, reason in (
        (rollout.standby, "kept for a rollback"),
        (rollout.challenger.digest if rollout.challenger else None, "is being released"),
        (rollout.champion, "is champion"),
    ):
        live |= {digest: reason} if digest else {}
    return PackageNeeds(
        live=live,
        released=dict.fromkeys(_released(context), "was released"),
        release_began=rollout.challenger.stages[0].night if rollout.challenger else None,
        champion_night=_trained_night(context, rollout.champion),
    )


def _evidence(context: StepContext) -> set[str]:
    """Return the anchor and the refreshes of each recipe that may earn a licence: that of the latest verdict."""
    judged = ledger.entries(context.engine, use_case=context.case.name, kind=EntryKind.JUDGED)
    recipes = [verdict.recipe for verdict in (ledger_entries.read(each, Verdict) for each in judged) if verdict.recipe]
    line = lines.read(context.at(date.max), recipes[-1]) if recipes and context.case.adoption else None
    return set() if line is None else {line.anchor, *(each.digest for each in line.refreshes)}


def _queued(context: StepContext) -> frozenset[str]:
    """Return the packages that are compared with the champion in the shadow queue after the last night that counts."""
    entries = ledger.entries_of_kinds(context.engine, context.case.name, shadow_queue.KINDS)
    nights = [each.night for each in entries if each.night is not None]
    if not nights:
        return frozenset()
    last = release_state.latest_night(context, max(nights))
    queue = queues.read(context.at(context.case.schedule.previous(last, -1)))
    return queue.packages if queue else frozenset()


def _released(context: StepContext) -> set[str]:
    """Return the packages that an entry of a release names: they have scored, or were chosen to."""
    entries = ledger.entries_of_kinds(context.engine, context.case.name, RELEASE_KINDS - {EntryKind.REJECTED})
    left = {
        ledger_entries.read(each, RolledBack).from_package for each in entries if each.kind == EntryKind.ROLLED_BACK
    }
    return {each.subject for each in entries} | left


def _pending(context: StepContext, rollout: RolloutState) -> set[str]:
    """Return the packages that earned a release from the present champion and got no final answer yet."""
    ended = {each.subject for each in ledger.entries_of_kinds(context.engine, context.case.name, _ENDED)}
    judged = ledger.entries_of_kinds(context.engine, context.case.name, (EntryKind.JUDGED, EntryKind.JUDGED_AGAIN))
    return {each.subject for each in judged if each.subject not in ended and _is_open(context, each, rollout)}


def _is_open(context: StepContext, judged: Entry, rollout: RolloutState) -> bool:
    verdict = ledger_entries.read(judged, Verdict)
    if verdict.package is None or verdict.champion != rollout.champion:
        return False
    return verdict.outcome == Outcome.PROMOTE or override.active(context.engine, judged) is not None


def _trained_night(context: StepContext, champion: str | None) -> date | None:
    if champion is None:
        return None
    try:
        files = packages.get(context.settings.packages, champion, context.settings.trusted_keys)
    except PackageError:
        return None
    return date.fromisoformat(str(package_files.facts(files)["night"]))
