"""One table of a period: judged by its contract, stretch by stretch where it is long, derived, written in one commit."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from include import usecases
from include.settings import Settings
from include.stores import lake
from include.stores.files.spool import Spool
from include.stores.landing import Landed
from include.usecases import coherence
from ml import features, targets
from ml.errors import DataError, DeclarationError
from ml.governance import privacy
from ml.ingestion import chunks, intake
from ml.ingestion.intake import Part, Taken
from ml.ingestion.row_counts import Tally
from ml.ingestion.validation import Seen
from ml.periods import Period
from ml.usecase import Reference, Table, UseCase


def in_order(case: UseCase) -> list[Table]:
    """Return the tables, each after those it refers to."""
    ordered: list[Table] = []

    def add(table: Table) -> None:
        for reference in table.references:
            if reference.table != table.name:
                add(case.table(reference.table))
        if table not in ordered:
            ordered.append(table)

    for each in case.tables:
        add(each)
    return ordered


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What was taken of a table, and the version of its valid rows that this very write made."""

    taken: Tally
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Aside:
    """The stretches of a table that are judged, set aside until all are; `broken` says why all must be refused."""

    valid: Spool
    quarantined: Spool
    tally: Tally
    broken: str = ""


def take(
    case: UseCase,
    table: Table,
    files: Sequence[Landed],
    when: Period,
    settings: Settings,
    stages: tuple[str, str] = ("valid", "quarantine"),
) -> Written:
    """Divide the rows of `files`, put them in place of the period's in the lake, and return what was written.

    Those that keep the contract go into the first of `stages`, the others into the second. However many stretches they are judged in, readers see all of them or none; where one stretch breaks a rule of the
    table, all are refused.
    """
    rows = sum(each.count for each in files)
    length, model = chunks.length(rows), coherence.model(case, table)
    hidden = privacy.hidden(table, "logs", coherence.needs(case))
    known = {each: _known(case, each, when, settings) for each in table.references}
    seen = Seen() if length < rows else None
    judge = partial(
        intake.take,
        table=table,
        model=model,
        horizon=case.horizon,
        period=when,
        known=known,
        hidden=hidden,
        seen=seen,
    )
    with tempfile.TemporaryDirectory() as folder:
        aside = _set_aside(case, table, when, files, length, judge, Path(folder, "judged"))
        if aside.broken:
            refuse = partial(intake.refuse, model=model, broken=aside.broken)
            aside = _set_aside(case, table, when, files, length, refuse, Path(folder, "refused"))
        _assert_conserved(table, rows, aside)
        kept, held = (lake.address(settings.lake, case.name, stage, table.name) for stage in stages)
        version = lake.replace(kept, when, aside.valid)
        lake.replace(held, when, aside.quarantined)
    return Written(taken=aside.tally, version=version)


def _set_aside(
    case: UseCase,
    table: Table,
    when: Period,
    files: Sequence[Landed],
    length: int,
    divide: Callable[[list[Part]], Taken],
    folder: Path,
) -> _Aside:
    """Return the rows of `files` as `divide` divides them; no more of them once the table is broken."""
    aside = _Aside(valid=Spool(folder=folder / "valid"), quarantined=Spool(folder=folder / "held"), tally=Tally.none())
    for stretch in chunks.cut(_parts(files, length), length):
        with usecases.blaming(case.name):
            taken = divide(stretch)
            valid = _derived(case, table, taken.valid)
        _require_label(case, table, valid)
        aside = _Aside(
            valid=aside.valid.add(valid),
            quarantined=aside.quarantined.add(taken.quarantined.assign(night=str(when.last), table=table.name)),
            tally=aside.tally + Tally.of(taken),
            broken=taken.broken,
        )
        if taken.broken:
            return aside
    return aside


def _parts(files: Sequence[Landed], most: int) -> Iterator[Part]:
    """Yield the files' rows as they are judged: of the last file first, for a later part supersedes."""
    for file in reversed(files):
        for rows in file.batches(most):
            yield Part(file=file.name, rows=rows.fit, malformed=rows.malformed)


def _assert_conserved(table: Table, rows: int, aside: _Aside) -> None:
    if rows != aside.valid.count + aside.quarantined.count:
        raise DataError(
            f"{rows} rows of {table.name!r} landed, {aside.valid.count} valid and {aside.quarantined.count} quarantined "
            "are to be written; this is a fault of the intake, nothing was written"
        )


def _derived(case: UseCase, table: Table, valid: pd.DataFrame) -> pd.DataFrame:
    if valid.empty:
        return valid
    functions = coherence.functions(case)
    valid = valid.assign(**{name: features.number(functions[name], valid) for name in table.derived})
    keyed = set(case.table(case.entities).key) <= set(valid.columns)
    return valid.assign(entity=features.entity_ids(case, valid)) if keyed else valid


def _require_label(case: UseCase, table: Table, valid: pd.DataFrame) -> None:
    """Refuse labels that are no answer to the question, before they are stored."""
    if table.name != case.task.of or valid.empty:
        return
    target, label = targets.of(case), valid[case.task.label]
    if odd := sorted(each for each in set(label.dropna().astype(float)) if not target.is_label(each)):
        words = target.words
        raise DeclarationError(
            f"expected the label {case.task.label!r} of {table.name!r} to be {words.labels_are}, got {odd[0]:g}: "
            f"mend the function that derives it, or let the contract refuse such rows ({words.contract})"
        )


def _known(case: UseCase, reference: Reference, when: Period, settings: Settings) -> pd.DataFrame:
    """Return what `reference` may refer to: the rows of its table known by the period's last night."""
    uri = lake.address(settings.lake, case.name, "valid", reference.table)
    return lake.read(uri, last=str(when.last), columns=list(reference.there)).drop_duplicates()
