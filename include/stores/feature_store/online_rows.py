"""The rows of an online store in SQLite by their cutoff, and their removal: Feast itself does not remove old rows.

A table of Feast's SQLite store has a row for each feature of each entity. `event_ts` is the cutoff in UTC as Feast
stores it: the POSIX seconds at which the machine's clock, in its own time zone, shows the same date and time.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

from include.settings import Settings
from include.stores.feature_store import addresses

_WAIT_SECONDS = 60.0  # for a materialization that writes at the same time
_COLUMNS = frozenset(("entity_key", "feature_name", "event_ts"))


def count_by_cutoff(settings: Settings, use_case: str) -> dict[datetime, int]:
    """Return the number of rows of each cutoff (UTC) in the SQLite file of a use case; none if there is no such file."""
    path = addresses.sqlite_path(settings, use_case)
    if not path.exists():
        return {}
    counts: dict[datetime, int] = {}
    with closing(sqlite3.connect(path, timeout=_WAIT_SECONDS)) as database:
        for table in _tables(database):
            query = f'SELECT event_ts, count(*) FROM "{table}" GROUP BY event_ts'  # noqa: S608  # a name from SQLite
            for seconds, count in database.execute(query):
                cutoff = _from_stored(seconds)
                counts[cutoff] = counts.get(cutoff, 0) + count
    return dict(sorted(counts.items()))


def remove_before(settings: Settings, use_case: str, cutoff: datetime) -> int:
    """Remove the rows with a cutoff before `cutoff` (UTC), of all tables or none, and return how many there were."""
    path = addresses.sqlite_path(settings, use_case)
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path, timeout=_WAIT_SECONDS)) as database, database:
        statements = [f'DELETE FROM "{table}" WHERE event_ts < ?' for table in _tables(database)]  # noqa: S608  # as above
        return sum(database.execute(each, (_to_stored(cutoff),)).rowcount for each in statements)


def _tables(database: sqlite3.Connection) -> list[str]:
    """Return the tables of features, also of features as they were declared earlier."""
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [name for name in sorted(names) if _has_feature_columns(database, name)]


def _has_feature_columns(database: sqlite3.Connection, table: str) -> bool:
    columns = {name for _, name, *_ in database.execute(f'PRAGMA table_info("{table}")')}
    return columns >= _COLUMNS


def _from_stored(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds).replace(tzinfo=UTC)  # noqa: DTZ006  # Feast's own convention


def _to_stored(moment: datetime) -> int:
    return int(moment.astimezone(UTC).replace(tzinfo=None).timestamp())
