"""The table of predictions over REST in the lake: its columns, and which rows are answers from a snapshot."""

import pandas as pd

from ml.ingestion.availability import NIGHT
from ml.rollout.routing import Route

STAGE, REST = "answers", "rest"
COLUMNS = (
    "request",
    "place",
    "at",
    "protocol",
    "entity",
    NIGHT,
    "package",
    "route",
    "score",
    "fault",
    "latency_ms",
    "features",
)
SNAPSHOT, SENT = "snapshot", "sent"  # columns that later releases added


def answers_from_snapshots(rows: pd.DataFrame) -> pd.DataFrame:
    """Return those of `rows` that champion or canary answered, for an entity that was looked up in a snapshot.

    The columns are `COLUMNS`, `SNAPSHOT`, and `SENT`, the features that the client sent itself. Rows that an earlier
    release logged do not say how they came by their features, and are left out.
    """
    if SNAPSHOT not in rows:
        return rows.reindex(columns=[*COLUMNS, SNAPSHOT, SENT]).head(0)
    return rows[is_answer(rows) & rows[SNAPSHOT].notna()]


def is_answer(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Return whether a client got each of `rows`: champion or canary scored it, without a fault."""
    return rows["route"].isin([Route.CHAMPION, Route.CANARY]) & rows["fault"].isna()


def last_by_entity(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the last row of each entity of each night."""
    return rows.sort_values("at", kind="stable").drop_duplicates(["entity", NIGHT], keep="last")
