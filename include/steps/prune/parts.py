"""The parts of a use case that can be pruned, in the order of removal.

Each part lists its items anew, and removing an item that is gone already does nothing. A run that was killed is
therefore completed by the next one.
"""

from collections.abc import Iterator

from include.steps.prune import file_parts, table_parts, training_parts
from include.steps.prune.part import PrunablePart, PruneContext
from include.stores.warehouse import retention as rows_by_night


def all_parts(context: PruneContext) -> Iterator[PrunablePart]:
    """Yield the parts; what refers to others comes before them."""
    kept = context.step.case.retention
    yield file_parts.reports(context)
    yield file_parts.backtests(context)
    yield training_parts.runs(context)
    yield training_parts.package_store(context)
    yield file_parts.training_files(context)
    yield table_parts.online_rows(context)
    yield table_parts.rescores(context)
    yield table_parts.warehouse_rows(context, "scores", rows_by_night.SCORES, kept.scores)
    yield table_parts.warehouse_rows(context, "metrics", rows_by_night.METRICS, kept.metrics)
    yield table_parts.warehouse_rows(context, "lineage", rows_by_night.VERSIONS, kept.versions)
    yield table_parts.warehouse_rows(context, "snapshots", rows_by_night.SNAPSHOTS, kept.predictions)
    yield from table_parts.lake_rows(context)
    yield file_parts.intraday_files(context)
    yield file_parts.landing(context)
