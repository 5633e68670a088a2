"""A model as bytes: a few text files under a manifest of their SHA-256s, whose own SHA-256 is the model's name.

Nothing in a package is code and nothing is pickled. `load` trusts no byte that the manifest does not vouch for.
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
_CONTENTS = ("encoder.json", "learner.txt", "calibration.json", "golden.json")
_FORMAT = 1
GOLDEN_TOLERANCE = 1e-9
_GOLDEN_ROWS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """The files of a packaged model by name, and the digest that names it (SHA-256 of the manifest)."""

    digest: str
    files: Mapping[str, bytes]


def pack(
    model: Model, golden: "pd.DataFrame", facts: Mapping[str, object], papers: Mapping[str, bytes] | None = None
) -> Package:
    """Return `model` packed with up to 20 `golden` rows and the scores it must give them.

    `facts` are JSON values that tell where the model comes from (use case, night, recipe, table versions), `papers` are
    files for people and installers. Nothing that is measured by a clock may be in either: equal trainings have equal digests.
    """
    rows = golden.head(_GOLDEN_ROWS)
    contents = {
        **(papers or {}),
        "encoder.json": _json(
            {
                "levels": [[name, levels] for name, levels in model.encoder.levels.items()],
                "texts": [_written(each) for each in model.encoder.texts.values()],
            }
        ),
        "learner.txt": model.learner.dump().encode(),
        "calibration.json": _json(calibration.dump(model.calibration)),
        "golden.json": _json({"rows": _records(rows, model.encoder), "scores": model.predict(rows).tolist()}),
    }
    promise = _json(
        {
            "format": _FORMAT,
            "facts": dict(facts),
            "learner": model.learner.kind,
            "features": [{"name": name, "type": _type(name, model.encoder)} for name in model.encoder.names],
            "files": {name: manifest.sha256(content) for name, content in contents.items()},
        }
    )
    return Package(digest=manifest.sha256(promise), files={MANIFEST: promise, **contents})


def load(files: Mapping[str, bytes]) -> Model:
    """Return the model in `files`; raises PackageError when a file is not what the manifest says."""
    told = read_manifest(files)
    return Model(
        encoder=read_encoder(files),
        learner=learners.load(str(told["learner"]), files["learner.txt"].decode()),
        calibration=calibration.load(json.loads(files["calibration.json"])),
    )


def read_encoder(files: Mapping[str, bytes], kind: type[Projection] = Projection) -> Encoder:
    """Return the encoder in `files`, its texts projected by the `kind` of projection."""
    told = json.loads(files["encoder.json"])
    return Encoder(
        levels={name: None if levels is None else tuple(levels) for name, levels in told["levels"]},
        texts={each["text"]["column"]: _projection(each, kind) for each in told.get("texts", [])},
    )


def read_manifest(files: Mapping[str, bytes]) -> dict[str, object]:
    """Return the manifest after every file has been held against it; raises PackageError."""
    if MANIFEST not in files:
        raise PackageError(f"expected a {MANIFEST} in the package, found {sorted(files)}: it is not a package of ours")
    told = _parsed(files[MANIFEST])
    if told.get("format") != _FORMAT:
        raise PackageError(
            f"expected package format {_FORMAT}, got {told.get('format')!r}: load it with its own release"
        )
    promised = told["files"]
    assert isinstance(promised, dict)
    if unvouched := [name for name in _CONTENTS if name not in promised]:
        raise PackageError(
            f"{MANIFEST} does not vouch for {', '.join(unvouched)}; fetch the package again, do not mend it"
        )
    for fault in manifest.faults(promised, files):
        if fault.expected is not None:
            raise PackageError(
                f"{fault.name}: expected SHA-256 {fault.expected}, got {fault.found or 'no such file'}; fetch the package "
                "again, do not mend it"
            )
    return told


def _parsed(text: bytes) -> dict[str, object]:
    try:
        parsed = json.loads(text)
    except ValueError:  # neither UTF-8 nor JSON
        parsed = None
    if not isinstance(parsed, dict):
        raise PackageError(
            f"{MANIFEST}: expected a JSON object, got {text[:40]!r}; fetch the package again, do not mend it"
        )
    return parsed


def facts(files: Mapping[str, bytes]) -> dict[str, object]:
    """Return where the packaged model comes from, as given to `pack`; raises PackageError as `read_manifest` does."""
    found = read_manifest(files)["facts"]
    assert isinstance(found, dict)
    return found


def check_golden(model: Model, files: Mapping[str, bytes]) -> None:
    """Raise PackageError unless `model` gives the golden rows the scores they had when it was packed."""
    import pandas as pd

    golden = json.loads(files["golden.json"])
    batch = model.predict(pd.DataFrame(golden["rows"], columns=list(model.encoder.names)))
    single = np.array([model.predict_row(row) for row in golden["rows"]])
    for way, scores in (("as a frame", batch), ("one by one", single)):
        hold_golden(way, scores, golden["scores"])


def hold_golden(way: str, scores: Floats, expected: Sequence[float]) -> None:
    """Raise PackageError unless `scores` are, nearly to the last bit, those that were `expected` of golden rows."""
    off = float(np.abs(scores - np.array(expected)).max()) if len(expected) else 0.0
    if not off <= GOLDEN_TOLERANCE:
        raise PackageError(
            f"golden rows scored {way} are off by {off:g}, more than {GOLDEN_TOLERANCE:g}: do not release"
        )


def _type(name: str, encoder: Encoder) -> str:
    if name in encoder.texts:
        return "text"
    return "float64" if encoder.levels[name] is None else "category"


def _written(projection: Projection) -> dict[str, object]:
    used, weights = projection.used.tolist(), projection.weights.tolist()
    return {"text": asdict(projection.text), "used": used, "weights": weights}


def _projection(written: dict[str, Any], kind: type[Projection]) -> Projection:
    text = Text(**{**written["text"], "ngrams": tuple(written["text"]["ngrams"])})
    weights = np.array(written["weights"], np.float64).reshape(-1, text.components)
    return kind(text=text, used=np.array(written["used"], np.int64), weights=weights)


def _records(rows: "pd.DataFrame", encoder: Encoder) -> list[dict[str, object]]:
    frame = rows[list(encoder.names)].astype(object)
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.where(frame.notna(), None).to_numpy().tolist()]


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
