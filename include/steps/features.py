"""Valid tables to features: what could be known of each entity at its night's cutoff."""

from datetime import timedelta
from pathlib import Path

import pandas as pd

from include import settings, usecases
from include.stores import lake, snapshot, warehouse
from include.usecases import coherence
from ml import features, nights
from ml.arrival import KNOWN_AT
from ml.usecase import AsOf, Table, UseCase, Window

STAGE, TABLE = "features", "entities"


def build(use_case: str, period: str) -> int:
    """Write the features of every entity of `period` and return how many there are."""
    case, when, where = usecases.get(use_case), nights.parse(period), settings.load()
    tables_now = snapshot.take(case, where)
    entities = tables_now.read("valid", case.entities, str(when.first), str(when.last))
    if entities.empty:
        return 0
    known_since = when.first - timedelta(days=_longest_look(case))
    tables = {
        name: _or_typed(tables_now.read("valid", name, str(known_since), str(when.last)), case.table(name), case)
        for name in _looked_up(case)
    }
    built = features.build(case, coherence.functions(case), entities, tables)
    made = lake.replace(address(where.lake, case), when, built)
    engine, product = warehouse.engine(where.warehouse_url), f"{STAGE}/{TABLE}@{made}"
    warehouse.record_reads(engine, case.name, when, STAGE, product, tables_now.versions)
    return len(built)


def address(folder: Path, case: UseCase) -> str:
    """Return where the features of `case` rest."""
    return lake.address(folder, case.name, STAGE, TABLE)


def read(
    folder: Path, case: UseCase, first: str = "", last: str = "9999", at_version: int | None = None
) -> pd.DataFrame:
    """Return the entities and features of the nights `first` to `last`, text features as categories."""
    rows = lake.read(address(folder, case), first, last, at_version=at_version)
    return rows.astype({name: "category" for name in case.feature_names if name in rows and rows[name].dtype == object})


def valid(folder: Path, case: UseCase, table: str) -> str:
    """Return where the valid rows of `table` rest."""
    return lake.address(folder, case.name, "valid", table)


def _looked_up(case: UseCase) -> list[str]:
    return sorted({each.table for each in case.features if isinstance(each, AsOf | Window)})


def _longest_look(case: UseCase) -> int:
    """Return how many nights of a table the features can reach back over, counting the one that is cut."""
    days = [max(each.days) for each in case.features if isinstance(each, Window)]
    hours = [each.within_hours for each in case.features if isinstance(each, AsOf)]
    return int(max([*days, *(hour / 24 for hour in hours), 0])) + 2


def _or_typed(rows: pd.DataFrame, table: Table, case: UseCase) -> pd.DataFrame:
    """Return `rows`, or, when there are none, no rows of the table's columns and types."""
    if len(rows):
        return rows
    types = {name: str(column.dtype) for name, column in coherence.model(case, table).to_schema().columns.items()}
    types |= dict.fromkeys(table.derived, "float64") | {KNOWN_AT: "datetime64[ns, UTC]"}
    return pd.DataFrame({name: pd.Series(dtype=object if dtype == "str" else dtype) for name, dtype in types.items()})
