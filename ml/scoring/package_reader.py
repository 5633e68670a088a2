"""Reading of model packages. `ml.packaging.package_files` writes them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml.arrays import Floats
from ml.errors import PackageError
from ml.scoring import manifest
from ml.scoring.encoder import Encoder
from ml.scoring.ngrams import NgramHashing, Projection

MANIFEST = manifest.NAME
FORMAT = 1
GOLDEN_TOLERANCE = 1e-9
_REQUIRED_FILES = ("encoder.json", "learner.txt", "calibration.json", "golden.json")


def read_encoder(files: Mapping[str, bytes], kind: type[Projection] = Projection) -> Encoder:
    """Return the encoder in `files`; `kind` is the class of its text projections."""
    stored = json.loads(files["encoder.json"])
    return Encoder(
        levels={name: None if levels is None else tuple(levels) for name, levels in stored["levels"]},
        texts={each["text"]["column"]: _projection_from_json(each, kind) for each in stored.get("texts", [])},
    )


def read_manifest(files: Mapping[str, bytes]) -> dict[str, object]:
    """Return the manifest after every file was verified against it; raises PackageError when one does not match."""
    if MANIFEST not in files:
        raise PackageError(f"expected a {MANIFEST} in the package, found {sorted(files)}: it is not a Ratchet package")
    fields = _parse_manifest(files[MANIFEST])
    if fields.get("format") != FORMAT:
        raise PackageError(
            f"expected package format {FORMAT}, got {fields.get('format')!r}: load it with the release that wrote it"
        )
    digests = fields["files"]
    assert isinstance(digests, dict)
    if unlisted := [name for name in _REQUIRED_FILES if name not in digests]:
        raise PackageError(f"{MANIFEST} does not list {', '.join(unlisted)}; fetch the package again, do not repair it")
    for mismatch in manifest.mismatches(digests, files):
        if mismatch.expected is not None:
            raise PackageError(
                f"{mismatch.name}: expected SHA-256 {mismatch.expected}, got {mismatch.actual or 'no such file'}; "
                "fetch the package again, do not repair it"
            )
    return fields


def _parse_manifest(text: bytes) -> dict[str, object]:
    try:
        parsed = json.loads(text)
    except ValueError:  # neither UTF-8 nor JSON
        parsed = None
    if not isinstance(parsed, dict):
        raise PackageError(
            f"{MANIFEST}: expected a JSON object, got {text[:40]!r}; fetch the package again, do not repair it"
        )
    return parsed


def facts(files: Mapping[str, bytes]) -> dict[str, object]:
    """Return the `facts` that were given to `package_files.pack`; raises PackageError as `read_manifest` does."""
    stored_facts = read_manifest(files)["facts"]
    assert isinstance(stored_facts, dict)
    return stored_facts


def check_golden_scores(mode: str, scores: Floats, expected: Sequence[float]) -> None:
    """Raise PackageError unless all `scores` of golden rows are within 1e-9 of the `expected` ones.

    `mode` says in the message how the rows were scored.

    >>> check_golden_scores("as a frame", np.array([0.25, 0.5]), [0.25, 0.5])
    >>> check_golden_scores("as a frame", np.array([0.25, 0.75]), [0.25, 0.5])
    Traceback (most recent call last):
    ml.errors.PackageError: golden rows scored as a frame are off by 0.25, more than 1e-09: do not release
    """
    largest_error = float(np.abs(scores - np.array(expected)).max()) if len(expected) else 0.0
    if not largest_error <= GOLDEN_TOLERANCE:
        raise PackageError(
            f"golden rows scored {mode} are off by {largest_error:g}, more than {GOLDEN_TOLERANCE:g}: do not release"
        )


def _projection_from_json(stored: dict[str, Any], kind: type[Projection]) -> Projection:
    fields = {**stored["text"], "analyzer": stored["text"]["of"], "ngrams": tuple(stored["text"]["ngrams"])}
    del fields["of"]
    text = NgramHashing(**fields)
    weights = np.array(stored["weights"], np.float64).reshape(-1, text.components)
    return kind(text=text, used=np.array(stored["used"], np.int64), weights=weights)
