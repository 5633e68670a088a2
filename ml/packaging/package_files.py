"""Model packages: text files and a manifest of their SHA-256s. The manifest's own SHA-256 is the package's digest.

A package contains no code and no pickles. `load` verifies every file against the manifest before it parses any.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.scoring import calibration, manifest, package_reader
from ml.scoring.encoder import Encoder
from ml.scoring.ngrams import Projection
from ml.scoring.package_reader import MANIFEST, facts, read_manifest
from ml.training import learners
from ml.training.fitting import Model
from ml.training.text_features import SparseProjection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MANIFEST", "Package", "check_golden", "facts", "load", "pack", "read_manifest"]

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
    further files, for people, installers and monitoring. Neither may contain measured times: equal trainings must have
    equal digests.
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
            "format": package_reader.FORMAT,
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
        encoder=package_reader.read_encoder(files, SparseProjection),
        learner=learners.load(str(fields["learner"]), files["learner.txt"].decode()),
        calibration=calibration.load(json.loads(files["calibration.json"])),
    )


def check_golden(model: Model, files: Mapping[str, bytes]) -> None:
    """Raise PackageError unless `model` gives the golden rows their packed scores, as a frame and one by one."""
    import pandas as pd

    golden = json.loads(files["golden.json"])
    batch = model.predict(pd.DataFrame(golden["rows"], columns=list(model.encoder.names)))
    single = np.array([model.predict_row(row) for row in golden["rows"]])
    for mode, scores in (("as a frame", batch), ("one by one", single)):
        package_reader.check_golden_scores(mode, scores, golden["scores"])


def _feature_type(name: str, encoder: Encoder) -> str:
    if name in encoder.texts:
        return "text"
    return "float64" if encoder.levels[name] is None else "category"


def _projection_to_json(projection: Projection) -> dict[str, object]:
    used, weights = projection.used.tolist(), projection.weights.tolist()
    text = asdict(projection.text)
    text["of"] = text.pop("analyzer")  # the name that stored packages have
    return {"text": text, "used": used, "weights": weights}


def _records(rows: "pd.DataFrame", encoder: Encoder) -> list[dict[str, object]]:
    frame = rows[list(encoder.names)].astype(object)
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.where(frame.notna(), None).to_numpy().tolist()]


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
