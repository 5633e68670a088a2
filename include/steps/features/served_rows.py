"""The rows that training reads when a model learns from served features: those that answers were computed from."""

import json
from collections.abc import Collection, Mapping

import pandas as pd

from include.steps.context import StepContext
from include.steps.features import build as feature_step
from include.stores import prediction_table, warehouse
from include.stores.table_snapshot import TableSnapshot
from ml.features import ENTITY, fingerprints, snapshots
from ml.ingestion.availability import NIGHT

_BUILT = object()  # stands for a value that is not taken from an answer


def overlay(context: StepContext, rows: pd.DataFrame, tables: TableSnapshot) -> pd.DataFrame:
    """Return `rows` of the feature table, where each entity that was answered has the features of its last answer.

    A server logs the features that it scored: those of its snapshot, and those that the client sent instead. Entities
    without an answer keep the features that were built, so that a log that has just begun does not leave too few rows.
    So do looked-up features that are declared otherwise now, and those of snapshots without a record.
    """
    answers = _last_answers(rows, tables)
    if answers.empty:
        return rows
    current = feature_step.service(context).digests
    definitions = {
        each.snapshot: fingerprints.from_facts(snapshots.manifest_facts(each.manifest), source=each.snapshot).digests
        for each in warehouse.snapshot_records(context.engine, context.case.name)
    }
    columns = (answers[name] for name in ("features", prediction_table.SENT, prediction_table.SNAPSHOT))
    features = [
        _usable(json.loads(values), json.loads(sent) if sent else (), definitions.get(snapshot, {}), current)
        for values, sent, snapshot in zip(*columns, strict=True)
    ]
    served = pd.DataFrame(features, columns=list(context.case.feature_names), dtype=object).set_axis(_keys(answers))
    return _replace(rows, served)


def _last_answers(rows: pd.DataFrame, tables: TableSnapshot) -> pd.DataFrame:
    """Return the last answer from a snapshot to each of `rows`; none when there are no rows."""
    if rows.empty:
        return pd.DataFrame()
    first, last = rows[NIGHT].min(), rows[NIGHT].max()
    logged = tables.read(prediction_table.STAGE, prediction_table.REST, first, last)
    if logged.empty:
        return logged
    answers = prediction_table.last_by_entity(prediction_table.answers_from_snapshots(logged))
    return answers[_keys(answers).isin(_keys(rows))]


def _usable(
    features: Mapping[str, object], sent: Collection[str], served: Mapping[str, str], current: Mapping[str, str]
) -> dict[str, object]:
    """Return the features of an answer that the client sent, or that mean now what they meant when it was served."""
    return {
        name: features[name] if name in features and (name in sent or served.get(name) == digest) else _BUILT
        for name, digest in current.items()
    }


def _replace(rows: pd.DataFrame, served: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` with the values of `served`, whose index has entity and night, except those that are `_BUILT`."""
    replaced, keys = rows.copy(), list(_keys(rows))
    for name in served:
        by_key = served[name].to_dict()
        values = [by_key.get(key, _BUILT) for key in keys]
        merged = [old if new is _BUILT else new for old, new in zip(rows[name], values, strict=True)]
        is_text = isinstance(rows[name].dtype, pd.CategoricalDtype)
        replaced[name] = pd.Series(merged, rows.index, dtype=object).astype("category" if is_text else "float64")
    return replaced


def _keys(rows: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(rows[[ENTITY, NIGHT]])
