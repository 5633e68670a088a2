"""A temporary RATCHET_HOME for one benchmark, and the data that benchmarks share: ingested nights and training rows."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from include.steps.context import NightContext


@contextmanager
def temporary() -> Iterator[str]:
    """Set RATCHET_HOME to a temporary folder for this process and its children, and clear the cached settings."""
    from include.settings import load_settings

    before = os.environ.get("RATCHET_HOME")
    with TemporaryDirectory() as home:
        os.environ["RATCHET_HOME"] = home
        load_settings.cache_clear()
        try:
            yield home
        finally:
            os.environ.pop("RATCHET_HOME")
            os.environ |= {} if before is None else {"RATCHET_HOME": before}
            load_settings.cache_clear()


def ingest(use_case: str, *periods: str) -> tuple[Any, Any]:
    """Ingest the files of `periods` and build their features; return the use case and the settings."""
    from include import usecases
    from include.settings import load_settings
    from include.steps import ingest as ingest_step
    from include.steps.features import build
    from include.stores import warehouse

    settings = load_settings()
    warehouse.migrate(settings.warehouse_url)
    for period in periods:
        ingest_step.ingest(use_case, period)
        build.build(use_case, period)
    return usecases.get(use_case), settings


def training_rows(case: Any, settings: Any, period: str) -> Any:
    """Return the training rows of a model as of the last night of `period`."""
    from include.steps.features import training_set
    from include.stores import table_snapshot
    from ml.usecase import periods as period_text

    return training_set.read(
        NightContext(case=case, night=period_text.parse(period).last, settings=settings),
        table_snapshot.take(case, settings),
    )


def training_material(case: Any, rows: Any, settings: Any, seed: int) -> Any:
    """Return `rows` prepared for fitting."""
    from ml import targets
    from ml.training import fitting

    return fitting.prepare(
        rows.frame,
        rows.labels,
        rows.nights,
        case.feature_names,
        target=targets.from_labels(case, rows.labels),
        seed=seed,
        threads=settings.threads,
        texts=case.texts,
    )
