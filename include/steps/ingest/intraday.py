"""Intraday ingestion for the live horizons: ingest what became known since the night, and publish live snapshots.

An entity whose live cutoff has passed has its features as of that cutoff, the others as of now.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd

from include import usecases
from include.settings import Settings
from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.features import feature_pins, materialize
from include.steps.ingest import tables
from include.stores import landing, snapshot_store, warehouse
from include.stores.files import locations
from include.stores.landing import Location
from include.stores.table_snapshot import TableSnapshot
from include.stores.warehouse import Alert
from include.usecases import coherence
from ml.errors import DataError, RequestError
from ml.features import CUTOFF, ENTITY, cutoffs_by_entity, snapshots
from ml.governance import privacy
from ml.ingestion.availability import KNOWN_AT
from ml.ingestion.row_counts import RowCounts
from ml.usecase import Live, UseCase
from ml.usecase.periods import Period

STAGE, QUARANTINE = "intraday", "intraday_held"
_REQUESTED_AT = "asked_at"


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
    return max(_publish(context, live, night, moment) for live in context.case.lives)


def _publish(context: StepContext, live: Live, night: date, moment: datetime) -> int:
    """Publish the snapshot of one live horizon; see `refresh`."""
    live_tables = LiveTables(context.case, live, night, moment, context.settings)
    rows = feature_step.rebuild(context.case, night, live_tables, replace(live, before=_REQUESTED_AT, hours=0))
    if rows.empty:
        return 0
    facts = {
        "use_case": context.case.at(live.name).name,
        "night": str(night),
        snapshots.AS_OF: moment.isoformat(),
        snapshots.HOURS: live.hours,
        snapshots.MAX_AGE_MINUTES: live.max_age_minutes,
        snapshots.SHOWN: privacy.features_allowed_in(
            context.case, context.case.names_at(live), coherence.function_parameters(context.case), "logs", "reports"
        ),
        **feature_pins.from_service(feature_step.service(context, live)).facts,
    }
    frame = rows[[ENTITY, *context.case.names_at(live)]]
    frame = frame.assign(**{CUTOFF: frame[ENTITY].map(live_tables.cutoffs())})
    packed = snapshots.pack(frame, facts)
    snapshot_store.put(
        materialize.snapshot_folder(context, live), f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", packed
    )
    return len(rows)


class LiveTables(TableSnapshot):
    """The valid tables up to a night, plus the intraday rows that became known by a moment.

    Entities have an extra column, the time as of which to build their features: the live cutoff, or the moment if that
    is earlier.
    """

    def __init__(self, case: UseCase, live: Live, night: date, moment: datetime, settings: Settings) -> None:
        super().__init__(settings.lake, case.name)
        self._case, self._live, self._night, self._moment = case, live, night, pd.Timestamp(moment)

    def read(
        self, stage: str, table: str, first: str = "", last: str = "9999", columns: list[str] | None = None
    ) -> pd.DataFrame:
        """Return the rows of a valid table, with intraday rows; the arguments are those of `TableSnapshot.read`."""
        rows = super().read(stage, table, first, min(last, str(self._night)), columns)
        following = str(self._case.schedule.previous(self._night, -1))
        since = super().read(STAGE, table, following, following, columns)
        if not since.empty:
            since = since[since[KNOWN_AT] <= self._moment]
        if not since.empty:
            rows = pd.concat([rows, since.astype(rows.dtypes)], ignore_index=True) if len(rows) else since
        if table != self._case.entities or rows.empty:
            return rows
        cutoff = rows[self._live.before] - pd.Timedelta(hours=self._live.hours)
        return rows.assign(**{_REQUESTED_AT: cutoff.where(cutoff <= self._moment, self._moment)})

    def cutoffs(self) -> "pd.Series[pd.Timestamp]":
        """Return the live cutoff of each of tonight's entities, by entity."""
        night = str(self._night)
        return cutoffs_by_entity(self._case, self._live, super().read("valid", self._case.entities, night, night))


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
