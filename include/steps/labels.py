"""Labels to the warehouse: each under its entity and that entity's night, so that it can meet the scores."""

import pandas as pd

from include.settings import Settings
from include.steps import features as feature_step
from include.stores import lake, warehouse
from include.usecases import coherence
from ml.arrival import KNOWN_AT, NIGHT
from ml.features import ENTITY
from ml.nights import Period
from ml.usecase import UseCase

_CAME = "came"


def record(case: UseCase, when: Period, where: Settings) -> int:
    """Record the labels of `when` from the valid tables and return how many; the last of an entity's labels counts."""
    names_its_night = case.night_column in coherence.model(case, case.table(case.task.of)).to_schema().columns
    rows = _named(case, when, where) if names_its_night else _looked_up(case, when, where)
    if rows.empty:
        return 0
    latest = rows.sort_values(KNOWN_AT, kind="stable").drop_duplicates(ENTITY, keep="last")
    labels = latest[[ENTITY, KNOWN_AT]].assign(
        night=pd.to_datetime(latest[NIGHT]).dt.date, label=latest[case.task.label]
    )
    return warehouse.record_labels(warehouse.engine(where.warehouse_url), case.name, labels)


def _named(case: UseCase, when: Period, where: Settings) -> pd.DataFrame:
    """Return the labels that came in `when`, each under the night that its own row names."""
    rows = lake.read(feature_step.valid(where.lake, case, case.task.of), str(when.first), str(when.last))
    return rows if rows.empty else rows.assign(**{NIGHT: rows[case.night_column]})


def _looked_up(case: UseCase, when: Period, where: Settings) -> pd.DataFrame:
    """Return the labels that came in `when`, and those whose entity did, each under its entity's night.

    A label whose entity has not come waits in the lake, and is among those of the period that brings the entity.
    """
    entities = lake.read(feature_step.valid(where.lake, case, case.entities), columns=[ENTITY, NIGHT])
    nights = entities.sort_values(NIGHT).drop_duplicates(ENTITY, keep="last")
    columns = [ENTITY, NIGHT, KNOWN_AT, case.task.label]
    labels = lake.read(feature_step.valid(where.lake, case, case.task.of), str(when.first), columns=columns)
    met = labels.rename(columns={NIGHT: _CAME}).merge(nights, on=ENTITY, validate="m:1")
    ends = str(when.first), str(when.last)
    return met[met[_CAME].between(*ends) | met[NIGHT].between(*ends)]
