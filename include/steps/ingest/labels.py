"""The warehouse's labels follow the lake: the newest outcome of each entity that a period's files touch."""

import numpy as np
import pandas as pd

from include.settings import Settings
from include.stores import lake, warehouse
from ml.arrival import KNOWN_AT, NIGHT
from ml.nights import Period
from ml.usecase import UseCase


def settle(case: UseCase, when: Period, where: Settings) -> None:
    """Make the labels agree with the outcomes of the entities that the period's files name, or named before."""
    engine = warehouse.engine(where.warehouse_url)
    outcomes = _outcomes(case, where)
    here = outcomes[NIGHT].between(str(when.first), str(when.last))
    touched = set(outcomes.loc[here, "entity"]) | warehouse.labelled_by(engine, case.name, when.first, when.last)
    newest = (
        outcomes[outcomes["entity"].isin(touched)].sort_values([KNOWN_AT, NIGHT]).drop_duplicates("entity", keep="last")
    )
    warehouse.record_labels(engine, case.name, _labels(case, newest), sorted(touched - set(newest["entity"])))


def _outcomes(case: UseCase, where: Settings) -> pd.DataFrame:
    uri = lake.address(where.lake, case.name, "valid", case.task.of)
    columns = ["entity", NIGHT, KNOWN_AT, case.task.label, case.night_column]
    rows = lake.read(uri, columns=list(dict.fromkeys(columns)))
    return rows[rows[case.task.label].notna()] if len(rows) else rows


def _labels(case: UseCase, rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "entity": rows["entity"],
            "night": rows[case.night_column],
            "label": rows[case.task.label].astype(np.float64),
            "known_at": rows[KNOWN_AT],
            "landed": rows[NIGHT],
        }
    )
