"""Model packages: text files and a manifest of their SHA-256s. The manifest's own SHA-256 is the package's digest.

A package contains no code and no pickles. `load` verifies every file against the manifest before it parses any.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.arrays import Floats
from ml.errors import PackageError
from ml.governance import manifest
from ml.targets import calibration
from ml.training import learners
from ml.training.encoding import Encoder
from ml.training.fitting import Model
from ml.training.text_features import Projection
from ml.usecase import Text

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = manifest.NAME
_REQUIRED_FILES = ("encoder.json", "learner.txt", "calibration.json", "golden.json")
_FORMAT = 1
GOLDEN_TOLERANCE = 1e-9
_GOLDEN_ROWS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """The files of a packaged model by name, and the digest that identifies it (SHA-256 of the manifest)."""

    digest: str
    files: Mapping[str, bytes]


def pack(
    model: Model, golden: "pd.DataFrame", facts: Mapping[str, object], documents: Mapping[str, bytes] | None = None
) -> Package:
    """Return the package of `model`, with up to 20 `golden` rows and the model's scores for them.

    `facts` are JSON values that describe the model's origin (use case, night, recipe, table versions). `documents` are
    further files, for people, installers and monitoring. Neither may contain measured times: equal trainings must have equal
    digests.
    """
    rows = golden.head(_GOLDEN_ROWS)
    contents = {
        **(documents or {}),
        "encoder.json": _json(
            {
                "levels": [[name, levels] for name, levels in model.encoder.levels.items()],
                "texts": [_projection_to_json(each) for each in model.encoder.texts.values()],
            }
        ),
        "learner.txt": model.learner.dump().encode(),
        "calibration.json": _json(calibration.dump(model.calibration)),
        "golden.json": _json({"rows": _records(rows, model.encoder), "scores": model.predict(rows).tolist()}),
    }
    manifest_bytes = _json(
        {
            "format": _FORMAT,
            "facts": dict(facts),
            "learner": model.learner.kind,
            "features": [{"name": name, "type": _feature_type(name, model.encoder)} for name in model.encoder.names],
            "files": {name: manifest.sha256(content) for name, content in contents.items()},
        }
    )
    return Package(digest=manifest.sha256(manifest_bytes), files={MANIFEST: manifest_bytes, **contents})


def load(files: Mapping[str, bytes]) -> Model:
    """Return the model in `files`; raises PackageError when a file does not match the manifest."""
    fields = read_manifest(files)
    return Model(
        encoder=read_encoder(files),
        learner=learners.load(str(fields["learner"]), files["learner.txt"].decode()),
        calibration=calibration.load(json.loads(files["calibration.json"])),
    )


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
    if fields.get("format") != _FORMAT:
        raise PackageError(
            f"expected package format {_FORMAT}, got {fields.get('format')!r}: load it with the release that wrote it"
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
    """Return the `facts` that were given to `pack`; raises PackageError as `read_manifest` does."""
    stored_facts = read_manifest(files)["facts"]
    assert isinstance(stored_facts, dict)
    return stored_facts


def check_golden(model: Model, files: Mapping[str, bytes]) -> None:
    """Raise PackageError unless `model` gives the golden rows their packed scores, as a frame and one by one."""
    import pandas as pd

    golden = json.loads(files["golden.json"])
    batch = model.predict(pd.DataFrame(golden["rows"], columns=list(model.encoder.names)))
    single = np.array([model.predict_row(row) for row in golden["rows"]])
    for mode, scores in (("as a frame", batch), ("one by one", single)):
        check_golden_scores(mode, scores, golden["scores"])


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


def _feature_type(name: str, encoder: Encoder) -> str:
    if name in encoder.texts:
        return "text"
    return "float64" if encoder.levels[name] is None else "category"


def _projection_to_json(projection: Projection) -> dict[str, object]:
    used, weights = projection.used.tolist(), projection.weights.tolist()
    text = asdict(projection.text)
    text["of"] = text.pop("analyzer")  # the name that stored packages have
    return {"text": text, "used": used, "weights": weights}


def _projection_from_json(stored: dict[str, Any], kind: type[Projection]) -> Projection:
    fields = {**stored["text"], "analyzer": stored["text"]["of"], "ngrams": tuple(stored["text"]["ngrams"])}
    del fields["of"]
    text = Text(**fields)
    weights = np.array(stored["weights"], np.float64).reshape(-1, text.components)
    return kind(text=text, used=np.array(stored["used"], np.int64), weights=weights)


def _records(rows: "pd.DataFrame", encoder: Encoder) -> list[dict[str, object]]:
    frame = rows[list(encoder.names)].astype(object)
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.where(frame.notna(), None).to_numpy().tolist()]


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
