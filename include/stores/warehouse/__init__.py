"""The relational store of scores, labels, metrics, alerts and the ledger: SQLite or Postgres, by URL."""

from include.stores.warehouse.database import engine, migrate, opened, writing
from include.stores.warehouse.files import Fate, File, files, record_files
from include.stores.warehouse.lineage import Read, reads, record_reads, scored_from
from include.stores.warehouse.predictions import (
    Maturity,
    count_labels,
    issue_scores,
    labelled_by,
    labels,
    last_scored,
    matured,
    maturity,
    record_labels,
    scores,
)
from include.stores.warehouse.reports import (
    Alert,
    Ingestion,
    Metric,
    alerts,
    ingestions,
    metrics,
    raise_alert,
    record_ingestion,
    record_metrics,
    settle_alerts,
)

__all__ = [
    "Alert",
    "Fate",
    "File",
    "Ingestion",
    "Maturity",
    "Metric",
    "Read",
    "alerts",
    "count_labels",
    "engine",
    "files",
    "ingestions",
    "issue_scores",
    "labelled_by",
    "labels",
    "last_scored",
    "matured",
    "maturity",
    "metrics",
    "migrate",
    "opened",
    "raise_alert",
    "reads",
    "record_files",
    "record_ingestion",
    "record_labels",
    "record_metrics",
    "record_reads",
    "scored_from",
    "scores",
    "settle_alerts",
    "writing",
]
