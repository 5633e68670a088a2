"""A snapshot: the features of a night's entities as bytes under a manifest of SHA-256s, to answer from memory.

Nothing in it is code and nothing is pickled. `load` trusts no byte that the manifest does not vouch for.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.arrays import Floats
from ml.errors import SnapshotError
from ml.features import ENTITY
from ml.governance import manifest

MANIFEST = manifest.NAME
_ENTITIES, _NUMBERS, _TEXTS = "entities.json", "numbers.f8", "texts.json"
_FORMAT, _FLOAT = 1, "<f8"

Value = float | str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """The files of a snapshot by name, and the digest that names it (SHA-256 of the manifest)."""

    digest: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureSnapshot:
    """The features of entities, one look-up away."""

    facts: Mapping[str, object]
    names: tuple[str, ...]
    places: Mapping[str, int]
    numbers: Floats
    texts: tuple[tuple[str | None, ...], ...]

    def lookup(self, entity: str) -> dict[str, Value] | None:
        """Return the entity's features by name, numbers before texts; None for an entity that is not there.

        A missing number is NaN, a missing text None.
        """
        place = self.places.get(entity)
        if place is None:
            return None
        return dict(zip(self.names, (*self.numbers[place].tolist(), *self.texts[place]), strict=True))


def pack(frame: pd.DataFrame, facts: Mapping[str, object]) -> Packed:
    """Return the rows of `frame` (a column `entity`, all others features) as a snapshot; `facts` are JSON values.

    Raises SnapshotError when an entity has more than one row.
    """
    if frame[ENTITY].duplicated().any():
        twice = frame.loc[frame[ENTITY].duplicated(), ENTITY].iloc[0]
        raise SnapshotError(f"a snapshot has one row for each entity, but {twice!r} has more: build the night again")
    rows = frame.sort_values(ENTITY)
    features = rows.drop(columns=ENTITY)
    numbers = [name for name in features if pd.api.types.is_float_dtype(features[name].dtype)]
    texts = [name for name in features if name not in numbers]
    contents = {
        _ENTITIES: _json(rows[ENTITY].tolist()),
        _NUMBERS: features[numbers].to_numpy(np.float64).astype(_FLOAT).tobytes(),
        _TEXTS: _json({name: _levels(features[name]) for name in texts}),
    }
    promise = _json(
        {
            "format": _FORMAT,
            "facts": dict(facts),
            "rows": len(rows),
            "numbers": numbers,
            "texts": texts,
            "files": {name: manifest.sha256(content) for name, content in contents.items()},
        }
    )
    return Packed(digest=manifest.sha256(promise), files={MANIFEST: promise, **contents})


def load(files: Mapping[str, bytes], digest: str) -> FeatureSnapshot:
    """Return the snapshot `digest` in `files`; raises SnapshotError when a byte is not what was promised."""
    told = check(files, digest)
    entities = json.loads(files[_ENTITIES])
    written = json.loads(files[_TEXTS])
    texts = [_spelled(written[name]) for name in told["texts"]]
    return FeatureSnapshot(
        facts=told["facts"],
        names=(*told["numbers"], *told["texts"]),
        places={entity: place for place, entity in enumerate(entities)},
        numbers=np.frombuffer(files[_NUMBERS], _FLOAT).reshape(len(entities), len(told["numbers"])),
        texts=tuple(zip(*texts, strict=True)) if texts else ((),) * len(entities),
    )


def check(files: Mapping[str, bytes], digest: str) -> dict[str, Any]:
    """Return the manifest once every byte of `files` is what the snapshot `digest` promises; raises SnapshotError."""
    found = manifest.sha256(files.get(MANIFEST, b""))
    if found != digest:
        raise _damaged(MANIFEST, digest, found if MANIFEST in files else None)
    told: dict[str, Any] = json.loads(files[MANIFEST])
    if told["format"] != _FORMAT:
        raise SnapshotError(f"expected snapshot format {_FORMAT}, got {told['format']!r}: materialize the night again")
    for fault in manifest.faults(told["files"], files):
        raise _damaged(fault.name, fault.expected or "no such file", fault.found)
    return told


def _damaged(name: str, expected: str, found: str | None) -> SnapshotError:
    return SnapshotError(
        f"snapshot of features: {name}: expected SHA-256 {expected}, got {found or 'no such file'}; it was cut or "
        "changed: do not serve it, materialize the night again"
    )


def _levels(column: pd.Series) -> dict[str, list[Any]]:
    codes, levels = pd.factorize(column, sort=True)
    return {"levels": [str(level) for level in levels], "codes": codes.tolist()}


def _spelled(written: Mapping[str, list[Any]]) -> list[str | None]:
    levels = [*written["levels"], None]
    return [levels[code] for code in written["codes"]]  # -1 stands for missing, and is the last


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
