"""Valid tables to features: what could be known of each entity at its night's cutoff, and at its own live one."""

import math
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from include import settings, usecases
from include.settings import Settings
from include.stores import lake
from include.usecases import coherence
from ml import features, nights
from ml.arrival import KNOWN_AT, NIGHT
from ml.nights import Period
from ml.usecase import Live, Lookup, Night, Table, UseCase

_OPEN_DAYS = 45  # an event lies no further behind the cutoff of its night


def build(use_case: str, period: str) -> int:
    """Write the features of every entity of `period` and return how many there are.

    With a live horizon, also the live features of the nights whose events the period has come to know of.
    """
    case, when, where = usecases.get(use_case), nights.parse(period), settings.load()
    entities = lake.read(valid(where.lake, case, case.entities), str(when.first), str(when.last))
    if len(entities):
        lake.replace(address(where.lake, case), when, _built(case, case.horizon, entities, when, where))
    if case.live is not None:
        _build_live(case, case.live, when, where)
    return len(entities)


def _build_live(case: UseCase, live: Live, when: Period, where: Settings) -> None:
    touched = _complete(case, live, when, where)
    if touched is None:
        return
    entities = lake.read(valid(where.lake, case, case.entities), str(touched.first), str(touched.last))
    lake.replace(address(where.lake, case, live), touched, _built(case, live, entities, touched, where))


def _complete(case: UseCase, live: Live, when: Period, where: Settings) -> Period | None:
    """Return the nights that what landed for `when` belongs to, of those whose live cutoffs have all been reached.

    A night's last live cutoff comes after its own: it is reached when a later night has landed.
    """
    rows = lake.read(
        valid(where.lake, case, case.entities),
        str(when.first - timedelta(days=_OPEN_DAYS)),
        columns=[NIGHT, live.before],
    )
    if rows.empty:
        return None
    last = rows.groupby(NIGHT)[live.before].max() - pd.Timedelta(hours=live.hours)
    cutoffs = pd.Series(
        [pd.Timestamp(case.horizon.cutoff(date.fromisoformat(night))) for night in last.index], last.index
    )
    known = cutoffs[last.index < str(when.first)].max()
    touched = last[(last <= cutoffs.iloc[-1]) & (last.index <= str(when.last)) & ~(last <= known)].index
    if touched.empty:
        return None
    return Period(date.fromisoformat(touched[0]), date.fromisoformat(touched[-1]))


def _built(case: UseCase, horizon: Night | Live, entities: pd.DataFrame, when: Period, where: Settings) -> pd.DataFrame:
    """Return the features of `entities`, from the rows that they can look back on at the cutoffs of `horizon`."""
    lookups = [each for each in case.features_at(horizon) if isinstance(each, Lookup)]
    first = when.first - timedelta(days=_longest_look(lookups))
    last = "9999" if isinstance(horizon, Live) else str(when.last)
    tables = {
        name: _or_typed(lake.read(valid(where.lake, case, name), str(first), last), case.table(name), case)
        for name in sorted({each.table for each in lookups})
    }
    return features.build(case, coherence.functions(case), entities, tables, horizon)


def address(folder: Path, case: UseCase, horizon: Night | Live | None = None) -> str:
    """Return where the features of `case` rest, those of the night's horizon unless told otherwise."""
    return lake.address(folder, case.name, "features", "live" if isinstance(horizon, Live) else "entities")


def read(
    folder: Path, case: UseCase, first: str = "", last: str = "9999", horizon: Night | Live | None = None
) -> pd.DataFrame:
    """Return the entities and features of the nights `first` to `last`, text features as categories."""
    rows = lake.read(address(folder, case, horizon), first, last)
    names = case.names_at(horizon or case.horizon)
    return rows.astype({name: "category" for name in names if name in rows and rows[name].dtype == object})


def valid(folder: Path, case: UseCase, table: str) -> str:
    """Return where the valid rows of `table` rest."""
    return lake.address(folder, case.name, "valid", table)


def _longest_look(lookups: list[Lookup]) -> int:
    """Return how many nights of a table the features can reach back over, counting the one that is cut."""
    return math.floor(max((each.looks_back_hours for each in lookups), default=0) / 24) + 2


def _or_typed(rows: pd.DataFrame, table: Table, case: UseCase) -> pd.DataFrame:
    """Return `rows`, or, when there are none, no rows of the table's columns and types."""
    if len(rows):
        return rows
    types = {name: str(column.dtype) for name, column in coherence.model(case, table).to_schema().columns.items()}
    types |= dict.fromkeys(table.derived, "float64") | {KNOWN_AT: "datetime64[ns, UTC]"}
    return pd.DataFrame({name: pd.Series(dtype=object if dtype == "str" else dtype) for name, dtype in types.items()})
