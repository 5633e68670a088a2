"""Intraday ingestion for the live horizons: ingest what became known since the night, and publish live snapshots.

An entity whose live cutoff has passed has its features as of that cutoff, the others as of now.
"""

import tempfile
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

from include import usecases
from include.steps.context import NightContext, StepContext
from include.steps.features import snapshot_archive, snapshot_contents
from include.steps.features.live_tables import INTRADAY
from include.steps.ingest import tables
from include.stores import landing, warehouse
from include.stores.files import locations
from include.stores.landing import Location
from include.stores.warehouse import Alert
from include.usecases import coherence
from ml.errors import DataError, RequestError
from ml.ingestion.row_counts import RowCounts
from ml.usecase.periods import Period

STAGE, QUARANTINE = INTRADAY, "intraday_held"


def refresh(use_case: str, moment: datetime) -> int:
    """Ingest what became known by `moment` (time zone aware), publish live snapshots, return their number of entities.

    Valid rows count from now on; the files of the next night contain them again and make them permanent. Repeating a
    moment leaves the same state; an earlier moment removes nothing. Raises RequestError without a live horizon.
    """
    context = StepContext.load_data(use_case)
    if not context.case.lives:
        raise RequestError(
            f"{context.case.name} has no live horizon: add Live(before=..., hours=...) to horizons in its usecase.py"
        )
    coherence.check(context.case)
    night = context.case.schedule.latest_decided(moment)
    counts, faults = _ingest(context, context.case.schedule.previous(night, -1), moment)
    _alert_quarantined(context.at(night), counts, faults)
    horizons = (StepContext(case=context.case.at(each.name), settings=context.settings) for each in context.case.lives)
    return max(_publish(each.at(night), moment) for each in horizons)


def _publish(context: NightContext, moment: datetime) -> int:
    """Publish the snapshot of the context's live horizon, and return its number of entities."""
    packed = snapshot_contents.of_moment(context, moment)
    if packed is None:
        return 0
    snapshot_archive.publish(context, snapshot_archive.name_of(moment), packed)
    return packed.rows


def _ingest(
    context: StepContext, following: date, moment: datetime
) -> tuple[Mapping[str, RowCounts], Mapping[str, str]]:
    """Validate what has landed so far for the night `following`, and replace its intraday rows.

    Returns the row counts of each table, and the files that cannot be read, with the reasons.
    """
    location = (
        locations.from_address(context.settings.landing).child(context.case.name).child(STAGE).child(str(following))
    )
    _fetch_source(context, following, moment, location)
    arrivals, period = (
        landing.list_files(location, [table.name for table in context.case.tables]),
        Period(following, following),
    )
    counts, faults = {}, {each.name: each.fault for each in arrivals if each.table is None and each.fault}
    with tempfile.TemporaryDirectory() as scratch:
        for table in tables.in_dependency_order(context.case):
            columns = tables.declared_columns(context.case, table)
            files = [
                landing.scan(location, each, Path(scratch), columns=columns)
                for each in arrivals
                if each.table == table.name
            ]
            faults |= {each.name: each.fault for each in files if each.fault}
            if readable := [each for each in files if not each.fault]:
                counts[table.name] = tables.ingest(context, table, readable, period, (STAGE, QUARANTINE)).row_counts
    return counts, faults


def _fetch_source(context: StepContext, following: date, moment: datetime, location: Location) -> None:
    """Let the source module of the use case, if it has `land_known`, land what is known by `moment`."""
    source = usecases.module(context.case.name, "source") if usecases.has_module(context.case.name, "source") else None
    if source is None or not hasattr(source, "land_known"):
        return
    with tempfile.TemporaryDirectory() as folder:
        with usecases.translate_errors(context.case.name, DataError):
            source.land_known(Path(folder), following, moment, context.settings.data / context.case.name)
        for path in sorted(Path(folder).iterdir()):
            location.put(path.name, path.read_bytes())


def _alert_quarantined(context: NightContext, counts: Mapping[str, RowCounts], faults: Mapping[str, str]) -> None:
    """Raise an alert for each table with quarantined rows and each unreadable file; withdraw those that are mended."""
    messages = {
        table: f"{each.rows_quarantined} of {each.rows_in} rows of {table} since the night {context.night} break "
        f"their contract and are left out of live features: see {QUARANTINE}/{table}, and fix the files; the next "
        "night validates them again"
        for table, each in counts.items()
        if each.rows_quarantined
    } | {file: f"{fault}; the file is left out of live features" for file, fault in faults.items()}
    alerts = [
        Alert(use_case=context.case.name, night=context.night, kind=STAGE, subject=subject, message=message)
        for subject, message in messages.items()
    ]
    warehouse.replace_alerts(context.engine, context.case.name, context.night, (STAGE,), alerts)
