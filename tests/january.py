"""The flights of January with their features, built once per process and without a lake."""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from include import usecases
from include.settings import load_settings
from include.usecases import coherence
from ml import features
from ml.arrays import Floats, Strings
from ml.ingestion import availability, validation
from ml.ingestion.availability import KNOWN_AT
from ml.usecase import Live, Night, UseCase, periods
from tests.landed import rows_of

PERIOD = periods.parse("2013-01-01..2013-01-31")


@dataclass(frozen=True, kw_only=True)
class January:
    """A month's entities, its valid tables, and the features built from them."""

    case: UseCase
    entities: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    features: pd.DataFrame

    @cached_property
    def live(self) -> pd.DataFrame:
        """The features of these entities at their live cutoffs."""
        return self.build(self.tables, self.case.lives[0])

    def build(self, tables: dict[str, pd.DataFrame], horizon: Night | Live | None = None) -> pd.DataFrame:
        """Return the features of these entities, built from other tables."""
        return features.build(self.case, coherence.functions(self.case), self.entities, tables, horizon)

    def labelled(self) -> tuple[pd.DataFrame, Floats, Strings, pd.DataFrame]:
        """Return features, labels and nights of the flights with an outcome, and their lookups at event time."""
        outcomes = self.tables["outcomes"].set_index("entity")[self.case.task.label]
        known = self.features["entity"].isin(outcomes.index).to_numpy()
        rows = self.features[known].reset_index(drop=True)
        later = features.lookups_at_event(self.case, self.entities[known], self.tables)
        labels = outcomes.loc[rows["entity"]].to_numpy(np.float64)
        return rows[list(self.case.feature_names)], labels, rows["night"].to_numpy(object), later


@cache
def january() -> January:
    """Return January, built once; callers must not change it."""
    case = usecases.get("flights")
    with TemporaryDirectory() as folder:
        usecases.module("flights", "source").land(Path(folder), PERIOD, load_settings().data / "flights")
        tables = {table.name: _valid(case, table.name, Path(folder)) for table in case.tables if table.required}
    entities = tables["schedule"]
    built = features.build(case, coherence.functions(case), entities, tables)
    return January(case=case, entities=entities, tables=tables, features=built)


def _valid(case: UseCase, name: str, folder: Path) -> pd.DataFrame:
    table, landed = case.table(name), rows_of(folder / f"{name}.csv")
    valid = validation.check(landed.well_formed, coherence.schema_model(case, table), table.key).valid
    rows = availability.assign_nights(valid, table, case.schedule, PERIOD).rows
    derived = {each: features.call(coherence.functions(case)[each], rows) for each in table.derived}
    if set(case.table(case.entities).key) <= set(rows.columns):
        derived["entity"] = features.entity_ids(case, rows)
    return rows.assign(**derived).reset_index(drop=True)


def after(rows: pd.DataFrame, cutoff: pd.Timestamp) -> "pd.Series[bool]":
    """Return which rows became known only after `cutoff`."""
    return rows[KNOWN_AT] > cutoff
