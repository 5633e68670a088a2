"""One table of a period: judged by its contract, derived, and written in one commit."""

from dataclasses import dataclass

import pandas as pd

from include import usecases
from include.settings import Settings
from include.stores import lake
from include.usecases import coherence
from ml import features, intake, privacy
from ml.errors import DeclarationError
from ml.intake import Part, Taken
from ml.nights import Period
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

    taken: Taken
    version: int


def take(case: UseCase, table: Table, parts: list[Part], when: Period, where: Settings) -> Written:
    """Divide the rows of `parts`, put them in place of the period's in the lake, and return what was written."""
    hidden = privacy.hidden(table, "logs", coherence.needs(case))
    known = {each: _known(case, each, when, where) for each in table.references}
    with usecases.blaming(case.name):
        taken = intake.take(parts, table, coherence.model(case, table), case.horizon, when, known, hidden)
        valid = _derived(case, table, taken.valid)
    _require_label(case, table, valid)
    quarantined = taken.quarantined.assign(night=str(when.last), table=table.name)
    version = lake.replace(lake.address(where.lake, case.name, "valid", table.name), when, valid)
    lake.replace(lake.address(where.lake, case.name, "quarantine", table.name), when, quarantined)
    return Written(taken=taken, version=version)


def _derived(case: UseCase, table: Table, valid: pd.DataFrame) -> pd.DataFrame:
    if valid.empty:
        return valid
    functions = coherence.functions(case)
    valid = valid.assign(**{name: features.number(functions[name], valid) for name in table.derived})
    keyed = set(case.table(case.entities).key) <= set(valid.columns)
    return valid.assign(entity=features.entity_ids(case, valid)) if keyed else valid


def _require_label(case: UseCase, table: Table, valid: pd.DataFrame) -> None:
    """Refuse labels that are neither yes nor no, before they are stored."""
    if table.name != case.task.of or valid.empty:
        return
    label = valid[case.task.label]
    if odd := sorted(set(label.dropna().astype(float)) - {0.0, 1.0}):
        raise DeclarationError(
            f"expected the label {case.task.label!r} of {table.name!r} to be 1 for yes, 0 for no, or missing, got {odd[0]:g}: "
            "mend the function that derives it, or let the contract refuse such rows (pa.Field(isin=[0, 1]))"
        )


def _known(case: UseCase, reference: Reference, when: Period, where: Settings) -> pd.DataFrame:
    """Return what `reference` may refer to: the rows of its table known by the period's last night."""
    uri = lake.address(where.lake, case.name, "valid", reference.table)
    return lake.read(uri, last=str(when.last), columns=list(reference.there)).drop_duplicates()
