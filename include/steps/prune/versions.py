"""Old versions of the lake's tables: which ones are needed, and the removal of the files and log entries of the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from include.steps.features import table_versions
from include.steps.prune.part import PruneContext
from include.stores import lake, lake_retention, ledger
from include.stores.files import object_trees
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, Verdict
from ml.governance.pruning import PruneItem, PrunePlan

PART, _LOG = "versions", "_delta_log"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptVersions:
    """The versions to keep: of each table those that kept nights refer to, and those that live packages pin.

    `reasons` counts the latter by reason. If the training tables of a live package are `unknown`, all versions stay.
    """

    referenced: Mapping[str, frozenset[int]]
    pinned: Mapping[str, frozenset[int]]
    reasons: Mapping[str, int]
    unknown: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class TableTrim:
    """What goes of one table: data files, and log files once the checkpoints of `since` and `pinned` are there."""

    name: str
    uri: str
    files: tuple[str, ...]
    log: tuple[str, ...]
    since: int
    pinned: frozenset[int]


def trims(context: PruneContext) -> tuple[TableTrim, ...]:
    """Return what goes of each table of the lake; nothing if versions are kept for ever, or if some are unknown."""
    kept = find_kept(context)
    if context.step.case.retention.versions is None or kept.unknown:
        return ()
    tables = lake_retention.tables(context.step.settings.lake, context.step.case.name)
    return tuple(_trim(context, name, uri, kept) for name, uri in tables.items())


def plan(context: PruneContext, tables: Sequence[TableTrim]) -> PrunePlan:
    """Return the plan of the lake's files, for the table and the ledger."""
    root = f"{context.step.settings.lake.rstrip('/')}/{context.step.case.name}"
    sizes = object_trees.sizes(root)
    first_kept = context.first_kept(context.step.case.retention.versions)
    paths = [f"{each.name}/{path}" for each in tables for path in (*each.files, *_log_paths(each))]
    return PrunePlan(
        part=PART,
        first_kept=first_kept,
        total=len(sizes),
        total_bytes=sum(sizes.values()),
        oldest=None,
        removed=tuple(
            PruneItem(name=path, night=first_kept or context.last, size_bytes=sizes.get(path, 0)) for path in paths
        ),
        kept=find_kept(context).reasons,
    )


def remove(tables: Iterable[TableTrim]) -> None:
    """Remove the files of each table, then its log files; at any moment all versions that stay can be read."""
    for each in tables:
        object_trees.remove(each.uri, each.files)
        if each.log:
            lake_retention.write_checkpoints(each.uri, each.since, each.pinned)
            object_trees.remove(each.uri, _log_paths(each))


def find_kept(context: PruneContext) -> KeptVersions:
    """Return the versions of nights within the retention, of snapshots, and those that live packages were trained on."""
    first_kept = context.first_kept(context.step.case.retention.versions) or date.min
    referenced: dict[str, set[int]] = {}
    for each in table_versions.list_references(context.step.case.name):
        if each.last >= first_kept or each.stage == table_versions.SNAPSHOT:  # kept as long as the prediction log
            referenced.setdefault(each.table, set()).add(each.version)
    pinned, reasons, trained = dict[str, set[int]](), dict[str, int](), _trained_on(context)
    for digest, reason in context.needs.live.items():
        if not trained.get(digest):
            reasons[f"the training tables of {digest[:12]} ({reason}) are unknown"] = 1
        for table, version in trained.get(digest, {}).items():
            pinned.setdefault(table, set()).add(version)
            text = f"trained on by {digest[:12]} ({reason})"
            reasons[text] = reasons.get(text, 0) + 1
    return KeptVersions(
        referenced={table: frozenset(versions) for table, versions in referenced.items()},
        pinned={table: frozenset(versions) for table, versions in pinned.items()},
        reasons=reasons,
        unknown=any(not trained.get(digest) for digest in context.needs.live),
    )


def _trim(context: PruneContext, name: str, uri: str, kept: KeptVersions) -> TableTrim:
    """Return what goes of one table. With a longer retention, versions that are gone do not come back."""
    readable = lake_retention.readable_versions(uri)
    referenced, pinned = (each.get(name, frozenset()) & readable for each in (kept.referenced, kept.pinned))
    present = object_trees.sizes(uri)
    files = lake.vacuum(uri, referenced | pinned, context.safety_hours, dry_run=True)
    since = min([lake.version(uri), lake_retention.version_before(uri, context.safety_hours), *referenced])
    return TableTrim(
        name=name,
        uri=uri,
        files=tuple(each for each in files if each in present),  # the log also names files that went earlier
        log=lake_retention.unneeded_log(uri, since, pinned),
        since=since,
        pinned=pinned,
    )


def _log_paths(table: TableTrim) -> list[str]:
    return [f"{_LOG}/{name}" for name in table.log]


def _trained_on(context: PruneContext) -> dict[str, Mapping[str, int]]:
    judged = (
        entry
        for model in context.step.case.models
        for entry in ledger.entries(context.step.engine, use_case=model.name, kind=EntryKind.JUDGED)
    )
    return {each.subject: ledger_entries.read(each, Verdict).table_versions for each in judged}
