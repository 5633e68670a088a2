"""The tables of a use case that can be pruned: rows of the warehouse and of the lake, rescores."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

import sqlalchemy as sa

from include.steps.ingest import intraday
from include.steps.prune import file_parts
from include.steps.prune.part import PrunablePart, PruneContext
from include.steps.score import explanations, publication_gate, rescore
from include.stores import feature_store, lake_retention, ledger, prediction_table
from include.stores.files import object_trees
from include.stores.warehouse import retention as rows_by_night
from ml.governance.ledger_entries import EntryKind
from ml.governance.pruning import PruneItem, PruneNeed

_INTRADAY_NIGHTS = 2
_PARTS_OF_STAGES = {
    prediction_table.STAGE: "predictions",
    publication_gate.STAGE: "score profiles",
    explanations.STAGE: "explanations",
    rescore.STAGE: "rescores",
    intraday.STAGE: "intraday rows",
    intraday.QUARANTINE: "intraday rows",
}


def rescores(context: PruneContext) -> PrunablePart:
    """Return the tables of rescores, by the day of their last request."""
    tables = {
        name: uri
        for name, uri in lake_retention.tables(context.step.settings.lake, context.step.case.name).items()
        if name.startswith(f"{rescore.STAGE}/")
    }
    requests = ledger.entries(context.step.engine, use_case=context.step.case.name, kind=EntryKind.RESCORED)
    days = {rescore.address(context.step, each.subject): each.recorded_at.date() for each in requests}

    def remove(removed: Sequence[PruneItem]) -> None:
        for each in removed:
            names = sorted(object_trees.names(tables[each.name]), key=object_trees.sort_key)
            object_trees.remove(tables[each.name], names)

    return PrunablePart(
        name="rescores",
        items=[
            PruneItem(name=name, night=days[uri], size_bytes=sum(object_trees.sizes(uri).values()))
            for name, uri in tables.items()
            if uri in days
        ],
        first_kept=context.first_kept_day(context.step.case.retention.rescores),
        remove=remove,
    )


def warehouse_rows(context: PruneContext, name: str, tables: Sequence[sa.Table], nights: int | None) -> PrunablePart:
    """Return the rows of some tables of the warehouse, by table and night."""
    engine, case = context.step.engine, context.step.case
    by_name = {table.name: table for table in tables}
    items = [
        PruneItem(name=f"{table.name}/{night}", night=night, count=count)
        for table in tables
        for night, count in rows_by_night.count_by_night(engine, table, case.name).items()
    ]

    def remove(removed: Sequence[PruneItem]) -> None:
        for table_name, table in by_name.items():
            chosen = [each.night for each in removed if each.name.startswith(f"{table_name}/")]
            rows_by_night.delete_nights(engine, table, case.name, chosen)

    return PrunablePart(
        name=name,
        items=items,
        first_kept=context.first_kept(nights),
        remove=remove,
        needs=context.needs.release_needs(),
        pinned=_pinned_labels(context, items) | _pinned_files(context, items),
    )


def _pinned_labels(context: PruneContext, items: Iterable[PruneItem]) -> dict[str, str]:
    """Return the nights of labels that triggers count: all with `label_batch`, else those since the champion."""
    triggers, trained = [model.triggers for model in context.step.case.models], context.needs.champion_night
    labels = [each for each in items if each.name.startswith("labels/")]
    if any(each.label_batch is not None for each in triggers):
        return {each.name: "the trigger label_batch counts all labels" for each in labels}
    windows = [each.window_nights for each in triggers if each.new_labels is not None]
    if not windows or trained is None:
        return {}
    since = context.step.case.schedule.previous(trained, max(windows))
    reason = "the trigger new_labels counts the labels since the champion was trained"
    return {each.name: reason for each in labels if each.night >= since}


def _pinned_files(context: PruneContext, items: Iterable[PruneItem]) -> dict[str, str]:
    """Return the records of files that are still in the landing area: without them, the files would count as new."""
    records = [each for each in items if each.name.startswith("file")]
    landed = file_parts.nights_left(context) if records else set()
    reason = "the files are still in the landing area"
    return {each.name: reason for each in records if each.night in landed}


def lake_rows(context: PruneContext) -> Iterator[PrunablePart]:
    """Yield the rows of the lake's tables; their files go with the versions."""
    retention, release = context.step.case.retention, context.needs.release_needs()
    parts: dict[str, tuple[date | None, tuple[PruneNeed, ...]]] = {
        "predictions": (context.first_kept(retention.predictions), release),
        "score profiles": (context.first_kept(retention.scores), ()),
        "explanations": (context.first_kept(retention.scores), release),
        "rows": (context.first_kept(retention.rows), ()),
        "intraday rows": (context.first_kept(_INTRADAY_NIGHTS), ()),
    }
    tables = lake_retention.tables(context.step.settings.lake, context.step.case.name)
    for part, (first_kept, needs) in parts.items():
        own = {name: uri for name, uri in tables.items() if _part_of_table(name) == part}
        yield PrunablePart(
            name=part,
            items=[
                PruneItem(name=name, night=night, count=rows)
                for name, uri in own.items()
                for night, (rows, _) in sorted(lake_retention.night_sizes(uri).items())
            ],
            first_kept=first_kept,
            remove=_row_remover(own),
            needs=needs,
        )


def online_rows(context: PruneContext) -> PrunablePart:
    """Return the rows of the online store in SQLite, by the night of their cutoff."""
    settings, case = context.step.settings, context.step.case

    def remove(removed: Sequence[PruneItem]) -> None:
        newest = max(each.night for each in removed)
        first_kept = case.schedule.previous(newest, -1)
        feature_store.online_rows.remove_before(settings, case.name, case.schedule.cutoff(first_kept))

    return PrunablePart(
        name="online store",
        items=[
            PruneItem(name=str(cutoff), night=case.schedule.latest_decided(cutoff), count=rows)
            for cutoff, rows in feature_store.online_rows.count_by_cutoff(settings, case.name).items()
        ],
        first_kept=context.first_kept(case.retention.online),
        remove=remove,
    )


def _row_remover(tables: Mapping[str, str]) -> Callable[[Sequence[PruneItem]], None]:
    def remove(removed: Sequence[PruneItem]) -> None:
        for name, uri in tables.items():
            nights = [each.night for each in removed if each.name == name]
            if nights:  # nights go from the oldest on: whatever is needed is needed from some night on
                lake_retention.drop_before(uri, max(nights) + timedelta(days=1))

    return remove


def _part_of_table(name: str) -> str:
    return _PARTS_OF_STAGES.get(name.partition("/")[0], "rows")
