"""Update the warehouse's labels from the lake: the newest outcome of each entity that a period's files affect."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from include.steps.context import StepContext
from include.steps.ingest import tables
from include.stores import lake, warehouse
from include.usecases import coherence
from ml.features import ENTITY
from ml.ingestion.availability import KNOWN_AT, NIGHT
from ml.usecase.periods import Period

_LANDED, _ENTITY_NIGHT = "landed", "of"
_LEAST_MATCHED = 0.5
_BEFORE_NUMBER = re.compile(r"^\D*0*(?=\d)")


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelMatch:
    """How many of the labels that landed for a period belong to an entity.

    If few do, `label` and `entity` are an id of each side, as much alike as possible; they are empty if ids are
    personal, or if there are no entities.
    """

    landed: int
    matched: int
    label: str = ""
    entity: str = ""

    @property
    def is_low(self) -> bool:
        """Whether fewer than half of the labels belong to an entity."""
        return self.matched < _LEAST_MATCHED * self.landed


def update(context: StepContext, period: Period) -> LabelMatch:
    """Update the labels of the entities that the period's files contain, or contained before.

    Returns how many of the labels that landed for the period belong to an entity. An outcome without its entity stays
    in the lake, and becomes a label once a later period brings the entity.
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
    return _match(context, outcomes[outcomes[_LANDED].between(*ends)])


def _match(context: StepContext, landed: pd.DataFrame) -> LabelMatch:
    """Return how many of the `landed` labels belong to an entity; labels of nights without entities are left out."""
    if _has_night_column(context) and len(landed):
        first, last = landed[_ENTITY_NIGHT].min(), landed[_ENTITY_NIGHT].max()
        known = lake.read(_entities(context), first, last, columns=[ENTITY, NIGHT])
        landed = landed[landed[_ENTITY_NIGHT].isin(known[NIGHT])]
        is_matched = landed[ENTITY].isin(known[ENTITY])
    else:
        is_matched = landed[_ENTITY_NIGHT].notna()
    match = LabelMatch(landed=len(landed), matched=int(is_matched.sum()))
    return _with_examples(context, match, str(landed.loc[~is_matched, ENTITY].iloc[0])) if match.is_low else match


def _with_examples(context: StepContext, match: LabelMatch, label: str) -> LabelMatch:
    """Return `match` with the id of a label and that of the entity which it resembles, unless ids are personal."""
    case = context.case
    key = set(case.table(case.entities).key)
    if any(key & tables.hidden_columns(case, case.table(name)) for name in (case.entities, case.task.table)):
        return match
    entities = lake.read(_entities(context), columns=[ENTITY])[ENTITY].drop_duplicates()
    return replace(match, label=label, entity=_most_similar(label, entities))


def _most_similar(label: str, entities: "pd.Series[str]") -> str:
    """Return an entity that has the number in `label` without its prefix and zeros, or else any; "" without entities."""
    alike = entities[entities.str.contains(_BEFORE_NUMBER.sub("", label), regex=False)]
    return str((alike if len(alike) else entities).iloc[0]) if len(entities) else ""


def _entities(context: StepContext) -> str:
    return lake.address(context.settings.lake, context.case.name, "valid", context.case.entities)


def _has_night_column(context: StepContext) -> bool:
    labels = coherence.schema_model(context.case, context.case.table(context.case.task.table))
    return context.case.night_column in labels.to_schema().columns


def _outcomes(context: StepContext) -> pd.DataFrame:
    """Return every known outcome, with the night for which it landed and the night of its entity."""
    has_night_column = _has_night_column(context)
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
    entities = lake.read(_entities(context), columns=[ENTITY, NIGHT])
    nights = entities.sort_values(NIGHT).drop_duplicates(ENTITY, keep="last").rename(columns={NIGHT: _ENTITY_NIGHT})
    return rows.merge(nights, on=ENTITY, validate="m:1")
