"""What the lake no longer needs: rows of old nights, files of old versions, and the log entries of old versions.

Rows go in a commit, so that older versions still have them. Their files go once no version that is kept needs them, and
the log entries before the oldest version that is kept.
"""

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from include.stores import lake
from include.stores.files import object_trees
from include.stores.lake import NIGHT

_LOG = "_delta_log"
_LOG_FILE = re.compile(r"(\d{20})\.(?:json|checkpoint(?:\.\d+\.\d+)?\.parquet)")
_MIN_TRIMMED = 20  # fewer log entries are not worth a checkpoint


def tables(root: str | Path, use_case: str) -> dict[str, str]:
    """Return the address of every table of the use case in the lake, by stage and name ("valid/rides").

    Tables of features, tables or packages that are no longer declared are among them.
    """
    top = f"{str(root).rstrip('/')}/{use_case}"
    logs = {name.split(f"/{_LOG}/")[0] for name in object_trees.names(top) if f"/{_LOG}/" in name}
    return {name: f"{top}/{name}" for name in sorted(logs)}


def night_sizes(uri: str) -> dict[date, tuple[int, int]]:
    """Return the number of rows and of bytes of each night in the newest version of the table."""
    if not DeltaTable.is_deltatable(uri):
        return {}
    files = pl.DataFrame(DeltaTable(uri).get_add_actions(flatten=True))
    if files.is_empty():
        return {}
    by_night = files.group_by(f"partition.{NIGHT}").agg(pl.col("num_records").sum(), pl.col("size_bytes").sum())
    return {date.fromisoformat(str(night)): (int(rows or 0), int(size or 0)) for night, rows, size in by_night.rows()}


def drop_before(uri: str, first_kept: date) -> int:
    """Remove the rows of all nights before `first_kept` in one commit, and return the newest version."""
    table = DeltaTable(uri)
    table.delete(f"{NIGHT} < '{first_kept}'")
    return int(table.version())


def readable_versions(uri: str) -> frozenset[int]:
    """Return the versions that the log still describes: a checkpoint, or the first version, and all commits since."""
    versions = _log_versions(uri)
    commits = {version for name, version in versions.items() if name.endswith(".json")}
    checkpoints = {version for name, version in versions.items() if not name.endswith(".json")}
    readable, previous = set[int](), -1
    for version in sorted(commits | checkpoints):
        if version in checkpoints or (version == previous + 1 and (version == 0 or previous in readable)):
            readable.add(version)
        previous = version
    return frozenset(readable)


def version_before(uri: str, hours: int) -> int:
    """Return the version that was the newest `hours` ago, or the oldest whose commit is in the log."""
    if not hours:
        return lake.version(uri)
    moment = datetime.now(UTC) - timedelta(hours=hours)
    commits = sorted((version, name) for name, version in _log_versions(uri).items() if name.endswith(".json"))
    for version, name in reversed(commits):
        if object_trees.modified(f"{uri}/{_LOG}", name) <= moment:
            return version
    return commits[0][0] if commits else lake.version(uri)


def unneeded_log(uri: str, since: int, pinned: Collection[int]) -> tuple[str, ...]:
    """Return the log files, oldest first, of which neither the versions from `since` on nor those `pinned` need any.

    None when there are only a few, unless an interrupted removal left them: no version can be read from them.
    """
    readable = readable_versions(uri)
    old = sorted(
        (version, name)
        for name, version in _log_versions(uri).items()
        if version < since and not (version in pinned and name.endswith(".parquet"))
    )
    is_worthwhile = len(old) >= _MIN_TRIMMED or any(version not in readable for version, _ in old)
    return tuple(name for _, name in old) if is_worthwhile else ()


def write_checkpoints(uri: str, since: int, pinned: Collection[int]) -> None:
    """Write the checkpoints after which the log files that `unneeded_log` returns can go.

    These are of each `pinned` version before `since`, and of `since`, to which the hint for readers then points.
    """
    present = {version for name, version in _log_versions(uri).items() if name.endswith(".parquet")}
    for version in sorted({*(each for each in pinned if each < since), since}):
        if version not in present or version == since:
            DeltaTable(uri, version=version).create_checkpoint()


def _log_versions(uri: str) -> dict[str, int]:
    """Return the version of each commit and checkpoint in the table's log, by the name of its file."""
    matches = ((name, _LOG_FILE.fullmatch(name)) for name in object_trees.names(f"{uri}/{_LOG}"))
    return {name: int(match[1]) for name, match in matches if match}
