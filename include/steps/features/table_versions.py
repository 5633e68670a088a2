"""Table versions: which ones each night refers to, their rows, and a vacuum that keeps all of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd
import sqlalchemy as sa

from include.steps.context import StepContext
from include.steps.features import build as feature_step
from include.steps.features import snapshot_archive
from include.stores import lake, ledger, registry, warehouse
from include.stores.lake import ABSENT
from include.usecases import coherence
from ml import features
from ml.errors import LedgerError, RequestError
from ml.governance import ledger_entries, privacy
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, ParityChecked, Rescored, RetrainingDecided, Validated, Verdict
from ml.governance.privacy import PrivacyClass
from ml.ingestion import masking
from ml.usecase import UseCase, periods

_HOURS_A_NIGHT = 24
SNAPSHOT = "snapshot"  # the stage of what a recorded snapshot pins
_READERS = {  # the ledger entries that record the table versions they were computed from
    EntryKind.PARITY: ParityChecked,
    EntryKind.JUDGED: Verdict,
    EntryKind.JUDGED_AGAIN: Verdict,
    EntryKind.RETRAINING_DECIDED: RetrainingDecided,
    EntryKind.RESCORED: Rescored,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionReference:
    """A version of a table ("valid/rides") that `stage` read or wrote for the nights `first` to `last`.

    `source` says where this is recorded. `product` is what was built from it, such as "features/entities@7", if known.
    """

    first: date
    last: date
    stage: str
    table: str
    version: int
    source: str
    product: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class VacuumResult:
    """The vacuum of one table: the referenced versions, which are kept, and the files removed (or to be removed)."""

    table: str
    kept: tuple[int, ...]
    files: tuple[str, ...]


def list_references(use_case: str, night: str | None = None) -> tuple[VersionReference, ...]:
    """Return every version that was recorded for `night` (by default, for any night), in the order of the flow.

    Raises RequestError when there is none for `night`.
    """
    context = StepContext.load(use_case)
    everything = tuple(dict.fromkeys(_references(context.engine, context.case)))
    if night is None:
        return everything
    as_of = periods.parse(night).last
    matches = tuple(each for each in everything if each.first <= as_of <= each.last)
    if not matches:
        known = [str(end) for each in everything for end in (each.first, each.last)] or ["none"]
        raise RequestError(
            f"expected a night of {use_case} that was ingested (from {min(known)} to {max(known)}), got {night}: "
            "nothing was recorded for it"
        )
    return matches


def version_at(use_case: str, night: str, table: str) -> VersionReference:
    """Return the version of `table` from which the scores of `night`, or else its features, were computed.

    Without either, return the version that the last ingestion wrote.
    Raises RequestError when the night or the table is unknown.
    """
    references = list_references(use_case, night)
    candidates = [each for each in references if each.table == table]
    if not candidates:
        raise RequestError(f"expected one of the tables {sorted({each.table for each in references})}, got {table!r}")
    scored = {f"{each.table}@{each.version}" for each in references if each.stage == "score"}
    ranks = [
        (each.stage == "score", each.product in scored, each.stage == feature_step.STAGE, each.stage == "ingest")
        for each in candidates
    ]
    return max(zip(ranks, range(len(candidates)), candidates, strict=True))[-1]


def scored_versions(engine: sa.Engine, case: UseCase) -> dict[date, dict[str, int]]:
    """Return, for each scored night, the version of its features and those of the tables they were built from."""
    read, name = warehouse.table_reads(engine, case.dataset), feature_step.name(case)
    return {
        night: {name: version}
        | {
            each.source_table: each.version
            for each in read
            if (each.night, each.product) == (night, f"{name}@{version}")
        }
        for night, version in warehouse.scored_feature_versions(engine, case.name)
    }


def rows(
    use_case: str, table: str, version: int, *, show_personal: bool = False
) -> tuple[pd.DataFrame, dict[str, PrivacyClass]]:
    """Return all rows of `table` ("valid/rides") at `version`, newest nights first, and each column's privacy class.

    Personal columns are masked unless `show_personal`. Raises RequestError when there is no such table, and DataError
    when there is no such version or a vacuum removed it.
    """
    context = StepContext.load_data(use_case)
    known = tables(context)
    if table not in known:
        raise RequestError(f"expected one of the tables {sorted(known)}, got {table!r}")
    frame = lake.read(known[table], at_version=version)
    if not frame.empty:
        frame = frame.sort_values(lake.NIGHT, ascending=False, kind="stable", ignore_index=True)
    classes = _classes(context.case, table, list(frame.columns))
    personal = {name for name, of_class in classes.items() if of_class == "personal"}
    return (frame if show_personal else _masked(context.case, table, frame, personal)), classes


def _classes(case: UseCase, table: str, columns: list[str]) -> dict[str, PrivacyClass]:
    needs = coherence.function_parameters(case)
    stage, _, name = table.partition("/")
    if stage == feature_step.STAGE:
        about_people = privacy.personal_features(case, needs)
        classes: dict[str, PrivacyClass] = {each: "personal" if each in about_people else "plain" for each in columns}
    else:
        classes = privacy.classify_columns(case.table(name), columns, needs)
    return classes | {each: "identifier" for each in (features.ENTITY, lake.NIGHT) if each in classes}


def _masked(case: UseCase, table: str, frame: pd.DataFrame, personal: set[str]) -> pd.DataFrame:
    """Return `frame` with personal columns masked, also inside the records and reasons that quarantine stores."""
    stage, _, name = table.partition("/")
    inside = (
        set(privacy.personal_columns(case.table(name), coherence.function_parameters(case)))
        if stage == "quarantine"
        else set()
    )
    if inside and len(frame):
        declared = coherence.schema_model(case, case.table(name)).to_schema().columns
        frame = masking.mask_quarantined(frame, inside, declared)
    return privacy.mask(frame, personal)


def vacuum(use_case: str, keep_nights: int, *, dry_run: bool = False) -> tuple[VacuumResult, ...]:
    """Remove from every table the files that neither a referenced version nor the last `keep_nights` nights need.

    The ledger, the lineage and published scores refer to versions. Raises LedgerError, and removes nothing, when the
    training tables of a model that may still serve are not recorded.
    """
    context = StepContext.load_data(use_case)
    _check_traced(context)
    kept: dict[str, set[int]] = {}
    for each in list_references(use_case):
        kept.setdefault(each.table, set()).add(each.version)
    results = []
    for table, uri in tables(context).items():
        keep = kept.get(table, set()) - {ABSENT}
        files = lake.vacuum(uri, keep, keep_nights * _HOURS_A_NIGHT, dry_run=dry_run)
        results.append(VacuumResult(table=table, kept=tuple(sorted(keep)), files=files))
    return tuple(results)


def _references(engine: sa.Engine, use_case: UseCase) -> Iterator[VersionReference]:
    """Yield what refers to a version of a table: the ingestion, and what the model of each horizon was made from."""
    for entry in ledger.entries(engine, use_case=use_case.name, kind=EntryKind.VALIDATED):
        written = ledger_entries.read(entry, Validated).versions
        versions = {f"valid/{table}": version for table, version in written.items()}
        yield from _from_ledger(entry, "ingest", versions)
    for model in use_case.models:
        yield from _references_of_model(engine, model)


def _references_of_model(engine: sa.Engine, case: UseCase) -> Iterator[VersionReference]:
    for read in warehouse.table_reads(engine, case.name):
        yield _reference(read.night, read.stage, read.source_table, read.version, "lineage", read.product)
        made, at_sign, version = read.product.partition("@")
        if at_sign:
            yield _reference(read.night, read.stage, made, int(version), "lineage", read.product)
    for night, scored in warehouse.scored_feature_versions(engine, case.name):
        yield _reference(night, "score", feature_step.name(case), scored, "published scores")
    for night, snapshot, table, pinned in snapshot_archive.pinned_versions(engine, case.name):
        yield _reference(night, SNAPSHOT, table, pinned, f"snapshot {snapshot}")
    for entry in ledger.entries_of_kinds(engine, case.name, _READERS):
        yield from _from_ledger(entry, entry.kind, _versions_read(entry))


def _from_ledger(entry: Entry, stage: str, versions: Mapping[str, int]) -> Iterator[VersionReference]:
    period = periods.parse(entry.subject) if entry.kind == EntryKind.VALIDATED else None
    for table, version in versions.items():
        assert entry.night is not None, "an entry with table versions has a night"
        first, last = (period.first, period.last) if period else (entry.night, entry.night)
        yield VersionReference(
            first=first, last=last, stage=stage, table=table, version=version, source=f"ledger entry {entry.seq}"
        )


def _reference(night: date, stage: str, table: str, version: int, source: str, product: str = "") -> VersionReference:
    return VersionReference(
        first=night, last=night, stage=stage, table=table, version=version, source=source, product=product
    )


def _versions_read(entry: Entry) -> Mapping[str, int]:
    return ledger_entries.read(entry, _READERS[EntryKind(entry.kind)]).table_versions


def tables(context: StepContext) -> dict[str, str]:
    """Return the address of every table that the lake holds for the use case, by stage and name."""
    stages = [("valid", each.name) for each in context.case.tables] + [
        ("quarantine", each.name) for each in context.case.tables
    ]
    feature_tables = [(feature_step.STAGE, feature_step.table(each)) for each in context.case.horizons]
    addresses = {
        f"{stage}/{name}": lake.address(context.settings.lake, context.case.dataset, stage, name)
        for stage, name in (*stages, *feature_tables)
    }
    return {name: uri for name, uri in addresses.items() if lake.version(uri) != ABSENT}


def _check_traced(context: StepContext) -> None:
    """Raise LedgerError unless the training tables of every judged, promoted or aliased package are recorded."""
    for model in context.case.models:
        _check_model_traced(StepContext(case=model, settings=context.settings))


def _check_model_traced(context: StepContext) -> None:
    engine = context.engine
    judged = [
        (each.subject, ledger_entries.read(each, Verdict))
        for each in ledger.entries(engine, use_case=context.case.name, kind=EntryKind.JUDGED)
    ]
    promoted = {each.subject for each in ledger.entries(engine, use_case=context.case.name, kind=EntryKind.PROMOTED)}
    traced = {digest for digest, verdict in judged if verdict.table_versions}
    live = {digest for digest, verdict in judged if verdict.package is not None}
    live |= promoted | registry.aliased_digests(context.settings, context.case.name)
    if untraced := sorted(live - traced):
        raise LedgerError(
            f"no ledger entry says which tables the package {untraced[0][:12]} of {context.case.name} was trained on, "
            "so no version can be removed safely, and none was. Archive that model, or keep the old versions"
        )
