"""Update the warehouse's labels from the lake: the newest outcome of each entity that a period's files affect."""

import numpy as np
import pandas as pd

from include.steps.context import StepContext
from include.stores import lake, warehouse
from include.usecases import coherence
from ml.features import ENTITY
from ml.ingestion.availability import KNOWN_AT, NIGHT
from ml.usecase.periods import Period

_LANDED, _ENTITY_NIGHT = "landed", "of"


def update(context: StepContext, period: Period) -> None:
    """Update the labels of the entities that the period's files contain, or contained before.

    An outcome without its entity stays in the lake, and becomes a label once a later period brings the entity.
    """
    engine, ends = context.engine, (str(period.first), str(period.last))
    outcomes = _outcomes(context)
    in_period = outcomes[_LANDED].between(*ends) | outcomes[_ENTITY_NIGHT].between(*ends)
    touched = set(outcomes.loc[in_period, ENTITY]) | warehouse.entities_labelled_between(
        engine, context.case.name, period.first, period.last
    )
    last = outcomes[outcomes[ENTITY].isin(touched)].sort_values([KNOWN_AT, _LANDED], kind="stable")
    newest = last.drop_duplicates(ENTITY, keep="last")
    labels = pd.DataFrame(
        {
            "entity": newest[ENTITY],
            "night": newest[_ENTITY_NIGHT],
            "label": newest[context.case.task.label].astype(np.float64),
            "known_at": newest[KNOWN_AT],
            "landed": newest[_LANDED],
        }
    )
    warehouse.record_labels(engine, context.case.name, labels, sorted(touched - set(newest[ENTITY])))


def _outcomes(context: StepContext) -> pd.DataFrame:
    """Return every known outcome, with the night for which it landed and the night of its entity."""
    has_night_column = (
        context.case.night_column
        in coherence.schema_model(context.case, context.case.table(context.case.task.table)).to_schema().columns
    )
    columns = [
        ENTITY,
        NIGHT,
        KNOWN_AT,
        context.case.task.label,
        *([context.case.night_column] if has_night_column else []),
    ]
    rows = lake.read(
        lake.address(context.settings.lake, context.case.name, "valid", context.case.task.table), columns=columns
    )
    rows = rows[rows[context.case.task.label].notna()].rename(columns={NIGHT: _LANDED})
    if has_night_column:
        entity_nights = pd.to_datetime(rows[context.case.night_column]).dt.strftime("%Y-%m-%d")
        return rows.assign(**{_ENTITY_NIGHT: entity_nights})
    entities = lake.read(
        lake.address(context.settings.lake, context.case.name, "valid", context.case.entities), columns=[ENTITY, NIGHT]
    )
    nights = entities.sort_values(NIGHT).drop_duplicates(ENTITY, keep="last").rename(columns={NIGHT: _ENTITY_NIGHT})
    return rows.merge(nights, on=ENTITY, validate="m:1")
