"""Feature snapshots: the features of a night's entities as files with a SHA-256 manifest, to be served from memory.

A snapshot contains no code and no pickles. `load` verifies every file against the manifest.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from ml.arrays import Floats, Integers
from ml.errors import SnapshotError
from ml.features import CUTOFF, ENTITY, point_in_time
from ml.scoring import manifest

MANIFEST = manifest.NAME
_ENTITIES, _NUMBERS, _TEXTS, _CUTOFFS = "entities.json", "numbers.f8", "texts.json", "cutoffs.i8"
_FORMAT, _FLOAT, _INTEGER = 1, "<f8", "<i8"
SHOWN = "shown_features"  # the fact of a snapshot that names them
TABLES = "tables"  # the fact of a snapshot with the version of each table that it was built from
# Facts of the snapshot of a live horizon: its moment (ISO 8601), how many hours a cutoff is before its event, and for
# how many minutes a server may answer from it.
AS_OF, HOURS, MAX_AGE_MINUTES = "as_of", "hours", "max_age_minutes"
_MISSING = np.iinfo(np.int64).min  # the cutoff of an entity without an instant of its own

FeatureValue = float | str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedSnapshot:
    """The files of a snapshot by name, and the digest that names it (SHA-256 of the manifest)."""

    digest: str
    files: Mapping[str, bytes]

    @property
    def manifest(self) -> str:
        """The manifest, a JSON text."""
        return self.files[MANIFEST].decode()

    @property
    def rows(self) -> int:
        """The number of entities."""
        return int(json.loads(self.manifest)["rows"])


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveFacts:
    """What the snapshot of a live horizon says of itself: its moment in seconds since 1970, and the other two facts."""

    as_of: float
    hours: float
    max_age_minutes: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureSnapshot:
    """The features of a night's entities in memory.

    `cutoffs` are those of a live horizon, in seconds since 1970, in the order of the rows; None at the night's horizon,
    where all entities have `night_cutoff`. That is None, and so is `live`, if the facts do not have it.
    """

    facts: Mapping[str, object]
    names: tuple[str, ...]
    row_index: Mapping[str, int]
    numbers: Floats
    texts: tuple[tuple[str | None, ...], ...]
    cutoffs: Integers | None = None
    night_cutoff: float | None = None
    live: LiveFacts | None = None

    def lookup(self, entity: str) -> dict[str, FeatureValue] | None:
        """Return the features of `entity` by name, numbers before texts; None for an unknown entity.

        A missing number is NaN, a missing text is None.
        """
        row = self.row_index.get(entity)
        if row is None:
            return None
        return dict(zip(self.names, (*self.numbers[row].tolist(), *self.texts[row]), strict=True))

    def cutoff(self, entity: str) -> float | None:
        """Return the cutoff of `entity` in seconds since 1970; None for an unknown entity, or one without a cutoff."""
        row = self.row_index.get(entity)
        if row is None:
            return None
        if self.cutoffs is None:
            return self.night_cutoff
        cutoff = int(self.cutoffs[row])
        return None if cutoff == _MISSING else cutoff


def shown_features(snapshot: FeatureSnapshot) -> frozenset[str]:
    """Return the features whose values a server may show to clients that did not send them; none if nothing says so."""
    names = snapshot.facts.get(SHOWN)
    return frozenset(map(str, names)) if isinstance(names, list) else frozenset()


def tables(snapshot: FeatureSnapshot) -> dict[str, int]:
    """Return the version of each table ("valid/rides") that the snapshot was built from; empty if it pins none."""
    pinned = snapshot.facts.get(TABLES)
    return {str(table): int(version) for table, version in pinned.items()} if isinstance(pinned, dict) else {}


def pack(frame: pd.DataFrame, facts: Mapping[str, object]) -> PackedSnapshot:
    """Return the rows of `frame` as a snapshot.

    `frame` has a column `entity` and, for a live horizon, a column `cutoff` (UTC); all other columns are features.
    `facts` are JSON values. Raises SnapshotError if an entity has more than one row.

    >>> frame = pd.DataFrame({"entity": ["b", "a"], "speed": [1.5, np.nan], "zone": ["north", None]})
    >>> packed = pack(frame, facts={"night": "2024-03-17"})
    >>> load(packed.files, packed.digest).lookup("a")
    {'speed': nan, 'zone': None}
    """
    if frame[ENTITY].duplicated().any():
        duplicate = frame.loc[frame[ENTITY].duplicated(), ENTITY].iloc[0]
        raise SnapshotError(
            f"a snapshot has one row for each entity, but {duplicate!r} has more: build the night again"
        )
    rows = frame.sort_values(ENTITY)
    features = rows.drop(columns=[ENTITY, CUTOFF], errors="ignore")
    numbers = [name for name in features if pd.api.types.is_float_dtype(features[name].dtype)]
    texts = [name for name in features if name not in numbers]
    contents = {
        _ENTITIES: _json(rows[ENTITY].tolist()),
        _NUMBERS: features[numbers].to_numpy(np.float64).astype(_FLOAT).tobytes(),
        _TEXTS: _json({name: _encode_levels(features[name]) for name in texts}),
    }
    if CUTOFF in rows:
        cutoffs = np.where(rows[CUTOFF].isna(), _MISSING, point_in_time.seconds(rows[CUTOFF]))
        contents[_CUTOFFS] = cutoffs.astype(_INTEGER).tobytes()
    manifest_bytes = _json(
        {
            "format": _FORMAT,
            "facts": dict(facts),
            "rows": len(rows),
            "numbers": numbers,
            "texts": texts,
            "files": {name: manifest.sha256(content) for name, content in contents.items()},
        }
    )
    return PackedSnapshot(digest=manifest.sha256(manifest_bytes), files={MANIFEST: manifest_bytes, **contents})


def load(files: Mapping[str, bytes], digest: str) -> FeatureSnapshot:
    """Return the snapshot in `files`; raises SnapshotError if a file does not match the manifest with this `digest`."""
    fields = check(files, digest)
    entities = json.loads(files[_ENTITIES])
    text_columns = json.loads(files[_TEXTS])
    texts, facts = [_decode_levels(text_columns[name]) for name in fields["texts"]], fields["facts"]
    return FeatureSnapshot(
        facts=facts,
        names=(*fields["numbers"], *fields["texts"]),
        row_index={entity: row for row, entity in enumerate(entities)},
        numbers=np.frombuffer(files[_NUMBERS], _FLOAT).reshape(len(entities), len(fields["numbers"])),
        texts=tuple(zip(*texts, strict=True)) if texts else ((),) * len(entities),
        cutoffs=np.frombuffer(files[_CUTOFFS], _INTEGER) if _CUTOFFS in fields["files"] else None,
        night_cutoff=_timestamp(facts[CUTOFF]) if CUTOFF in facts else None,
        live=_live_facts(facts) if facts.keys() >= {AS_OF, HOURS, MAX_AGE_MINUTES} else None,
    )


def check(files: Mapping[str, bytes], digest: str) -> dict[str, Any]:
    """Return the manifest; raises SnapshotError if it does not have this `digest`, or if a file does not match it."""
    actual = manifest.sha256(files.get(MANIFEST, b""))
    if actual != digest:
        raise _damaged_error(MANIFEST, digest, actual if MANIFEST in files else None)
    fields: dict[str, Any] = json.loads(files[MANIFEST])
    if fields["format"] != _FORMAT:
        raise SnapshotError(
            f"expected snapshot format {_FORMAT}, got {fields['format']!r}: materialize the night again"
        )
    for mismatch in manifest.mismatches(fields["files"], files):
        raise _damaged_error(mismatch.name, mismatch.expected or "no such file", mismatch.actual)
    return fields


def manifest_facts(manifest: str) -> dict[str, Any]:
    """Return the facts of a snapshot, from its manifest.

    >>> packed = pack(pd.DataFrame({"entity": ["a"], "speed": [1.5]}), facts={"night": "2024-03-17"})
    >>> manifest_facts(packed.manifest)
    {'night': '2024-03-17'}
    """
    facts: dict[str, Any] = json.loads(manifest)["facts"]
    return facts


def has_same_content(one: str, other: str) -> bool:
    """Return whether two manifests differ at most in the versions of the tables that the snapshots were built from.

    >>> frame = pd.DataFrame({"entity": ["a"], "speed": [1.5]})
    >>> first, again = (pack(frame, facts={TABLES: {"valid/rides": version}}).manifest for version in (3, 4))
    >>> has_same_content(first, again)
    True
    """
    return _without_tables(one) == _without_tables(other)


def has_same_values(one: str, other: str) -> bool:
    """Return whether the snapshots of two manifests have the same entities and features, to the last bit."""
    first, second = json.loads(one), json.loads(other)
    return all(first[name] == second[name] for name in ("rows", "numbers", "texts", "files"))


def _without_tables(manifest: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(manifest)
    return fields | {"facts": {name: fact for name, fact in fields["facts"].items() if name != TABLES}}


def _live_facts(facts: Mapping[str, Any]) -> LiveFacts:
    return LiveFacts(
        as_of=_timestamp(facts[AS_OF]), hours=float(facts[HOURS]), max_age_minutes=float(facts[MAX_AGE_MINUTES])
    )


def _timestamp(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _damaged_error(name: str, expected: str, actual: str | None) -> SnapshotError:
    return SnapshotError(
        f"snapshot of features: {name}: expected SHA-256 {expected}, got {actual or 'no such file'}; it was truncated "
        "or changed: do not serve it, materialize the night again, or run `ratchet intraday` for a live horizon"
    )


def _encode_levels(column: pd.Series) -> dict[str, list[Any]]:
    codes, levels = pd.factorize(column, sort=True)
    return {"levels": [str(level) for level in levels], "codes": codes.tolist()}


def _decode_levels(encoded: Mapping[str, list[Any]]) -> list[str | None]:
    levels = [*encoded["levels"], None]
    return [levels[code] for code in encoded["codes"]]  # code -1 is a missing value, at the last index


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
