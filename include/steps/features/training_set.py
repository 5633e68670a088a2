"""The training set as of a night: the features of matured nights, joined with the labels known by then."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from include.steps.context import NightContext
from include.steps.features import build as feature_step
from include.steps.features import feature_pins, served_rows
from include.stores.table_snapshot import TableSnapshot
from ml import features
from ml.arrays import Booleans, Floats, Strings
from ml.errors import RefusalError
from ml.features import infinity
from ml.ingestion.availability import KNOWN_AT
from ml.usecase import AsOf, UseCase


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Feature rows of matured nights with their labels; `frame`, `labels` and `nights` are in the same order."""

    frame: pd.DataFrame
    labels: Floats
    nights: Strings

    def select(self, mask: Booleans) -> "LabelledRows":
        """Return the rows where `mask` is true."""
        return LabelledRows(frame=self.frame[mask], labels=self.labels[mask], nights=self.nights[mask])


def read(
    context: NightContext,
    tables: TableSnapshot,
    *,
    first: str = "",
) -> LabelledRows:
    """Return the labelled rows of every matured night (from `first` on), sorted by night and entity.

    Raises RefusalError when there are no features or labels, and FeatureError when a night was built from other
    declarations.
    """
    rows = _feature_rows(context, tables, first)
    known = label_events(context.case, context.night, tables)
    if rows.empty or known.empty:
        raise RefusalError(
            f"expected features and labels of {context.case.name} by {context.night}, found none: ingest history first"
        )
    feature_pins.check_current(rows, context)
    return join_labels(context.case, context.night, rows, known)


def check_finite(context: NightContext, tables: TableSnapshot) -> None:
    """Raise DataError that names each feature that is infinite in some rows up to the night, labelled or not."""
    rows = _feature_rows(context, tables)
    infinity.check_none(rows, [name for name in context.case.feature_names if name in rows])


def label_events(case: UseCase, night: date, tables: TableSnapshot) -> pd.DataFrame:
    """Return the label events that landed up to `night`: entity, label, and when it became known."""
    return tables.read("valid", case.task.table, last=str(night), columns=["entity", KNOWN_AT, case.task.label])


def join_labels(case: UseCase, night: date, rows: pd.DataFrame, known: pd.DataFrame) -> LabelledRows:
    """Return the feature rows of matured nights, joined with the newest labels known by the cutoff of `night`.

    A night has matured when the share of its rows that have a label reaches `case.matured_share`.
    """
    known = known[known[KNOWN_AT] <= pd.Timestamp(case.schedule.cutoff(night))]
    newest = known.sort_values(KNOWN_AT).drop_duplicates("entity", keep="last").set_index("entity")
    labels = rows["entity"].map(newest[case.task.label])
    matured = labels.notna().groupby(rows["night"]).transform("mean") >= case.matured_share
    rows = rows[matured & labels.notna()].sort_values(["night", "entity"])
    return LabelledRows(
        frame=rows.reset_index(drop=True),
        labels=labels[rows.index].to_numpy(np.float64),
        nights=rows["night"].to_numpy(object),
    )


def unlabelled_rows(context: NightContext, tables: TableSnapshot, after: str) -> pd.DataFrame:
    """Return the feature rows of the nights after `after`, up to the context's night; they still wait for labels."""
    rows = _feature_rows(context, tables, after)
    return rows[rows["night"] > after]


def _feature_rows(context: NightContext, tables: TableSnapshot, first: str = "") -> pd.DataFrame:
    """Return the features of the nights from `first` on as built, or as served if the model learns from these."""
    version = feature_step.version(tables, context.case)
    rows = feature_step.read(context.settings.lake, context.case, first, str(context.night), version)
    return served_rows.overlay(context, rows, tables) if context.case.learn_from == "served" else rows


def lookups_at_event(case: UseCase, rows: LabelledRows, night: date, tables: TableSnapshot) -> pd.DataFrame:
    """Return the looked-up values as of each row's event time, in the order of `rows`; see `ml.training.leakage`."""
    first, last = str(rows.nights.min()), str(rows.nights.max())
    looked_up = {each.table for each in case.model_features if isinstance(each, AsOf)}
    lookups = {name: tables.read("valid", name, first, str(night)) for name in looked_up}
    entities = tables.read("valid", case.entities, first, last).set_index("entity")
    return features.lookups_at_event(case, entities.loc[rows.frame["entity"]], lookups)
