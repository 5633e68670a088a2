"""The prediction log in the lake: predictions over REST from the servers' logs, and those of nightly batches.

Nightly batches are logged only during a release.
"""

import json
from collections.abc import Collection
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from include.steps.context import NightContext, StepContext
from include.stores import lake, prediction_table, request_log
from include.stores.files.spool import Spool
from include.stores.prediction_table import COLUMNS, REST, SENT, SNAPSHOT, STAGE
from ml.ingestion.availability import NIGHT
from ml.usecase.periods import Period

BATCH = "batch"
_CLIENT_REQUEST = "client_request"
_TEXTS = ("request", "protocol", "entity", NIGHT, "package", "route", "fault", "features")


def collect(use_case: str) -> int:
    """Move the servers' new predictions into the lake, each once, and return how many were moved.

    A log file that a server still writes to is read as far as it goes; a finished one is deleted after it was read.
    """
    context = StepContext.load(use_case)
    return sum(
        _collect_segment(segment, context)
        for segment in request_log.segments(context.settings.prediction_log / context.case.name)
    )


def put(rows: pd.DataFrame | Spool, context: NightContext) -> None:
    """Replace the logged batch predictions of the context's night; `rows` have the columns `COLUMNS`."""
    content = rows if isinstance(rows, Spool) else cast(rows)
    lake.replace(address(context, BATCH), Period(first=context.night, last=context.night), content)


def read(context: StepContext, after: date, moment: datetime) -> pd.DataFrame:
    """Return the predictions over REST since `moment`, and those of nightly batches after the night `after`."""
    rest = lake.read(address(context, REST), columns=list(COLUMNS))
    batch = lake.read(address(context, BATCH), str(after), columns=list(COLUMNS))
    frames = [rest[rest["at"] >= moment.timestamp()], batch[batch[NIGHT] > str(after)]]
    return pd.concat([cast(each) for each in frames], ignore_index=True)


def looked_up(context: StepContext, night: str) -> pd.DataFrame:
    """Return the last REST answer of the champion or the canary to each entity of `night` whose features were looked up.

    The columns are those of `answers_from_snapshots`.
    """
    rows = answers_from_snapshots(context, night, night)
    return prediction_table.last_by_entity(rows[rows[SENT].isna()])


def answers_from_snapshots(context: StepContext, first: str, last: str) -> pd.DataFrame:
    """Return the REST answers of champion and canary to looked-up entities of the nights `first` to `last`.

    See `prediction_table.answers_from_snapshots`.
    """
    return prediction_table.answers_from_snapshots(lake.read(address(context, REST), first, last))


def latencies(context: StepContext, requests: Collection[str]) -> list[float]:
    """Return the milliseconds from request to score, in the server, of each row of `requests` that it answered.

    `requests` are the ids that the server gave them.
    """
    rows = lake.read(address(context, REST), columns=["request", "route", "fault", "latency_ms"])
    requested = prediction_table.is_answer(rows) & rows["request"].isin(requests)
    return [float(each) for each in rows.loc[requested, "latency_ms"]]


def address(context: StepContext, table: str) -> str:
    """Return the address in the lake of `table`, `REST` or `BATCH`."""
    return lake.address(context.settings.lake, context.case.name, STAGE, table)


def _collect_segment(segment: Path, context: StepContext) -> int:
    uri = address(context, REST)
    page = request_log.read(segment, lake.committed_offset(uri, segment.stem))
    if page.records and not lake.append(uri, _frame(page.records), segment.stem, page.next_offset):
        return 0  # a parallel run was faster and has moved these
    if page.is_final:
        segment.unlink(missing_ok=True)
    return len(page.records)


def _frame(records: tuple[bytes, ...]) -> pd.DataFrame:
    """Return the logged records as rows: `COLUMNS`, and what later releases log too.

    This is the id that the client gave its request, the version of the snapshot in which an entity was looked up, and
    the features that the request sent for it (JSON). Each may be missing.
    """
    rows = [json.loads(each) for each in records]
    frame = cast(
        pd.DataFrame([{**row, NIGHT: row[NIGHT] or _day(row), "features": json.dumps(row["features"])} for row in rows])
    )
    sent = [json.dumps(row[SENT]) if row.get(SENT) else None for row in rows]
    texts = {
        _CLIENT_REQUEST: [row.get(_CLIENT_REQUEST) for row in rows],
        SNAPSHOT: [row.get(SNAPSHOT) for row in rows],
    }
    return frame.assign(**{name: pd.Series(each, dtype=object) for name, each in (texts | {SENT: sent}).items()})


def _day(row: dict[str, Any]) -> str:
    """Return the date of a prediction that was made without a snapshot."""
    return str(datetime.fromtimestamp(row["at"], UTC).date())


def cast(rows: pd.DataFrame) -> pd.DataFrame:
    """Return predictions with the columns `COLUMNS` and their types."""
    numbers = dict.fromkeys(("at", "score", "latency_ms"), "float64")
    texts = {name: rows[name].astype(object).where(rows[name].notna(), None) for name in _TEXTS}
    return rows.astype(numbers | {"place": "int64"}).assign(**texts)[list(COLUMNS)]
