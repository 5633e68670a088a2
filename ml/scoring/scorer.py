"""Scoring from a package with NumPy alone: it is verified when loaded, and takes the same rows as the model server."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ml.errors import PackageError
from ml.scoring import calibration, manifest, numpy_trees, package_reader
from ml.scoring.calibration import Correction
from ml.scoring.encoder import Encoder
from ml.scoring.linear import Linear
from ml.scoring.network import Network
from ml.scoring.numpy_trees import Forest
from ml.scoring.request_schema import RequestSchema, Row

Learner = Forest | Linear | Network


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """A model that scores rows of features; `digest` identifies its package, and `facts` describe the origin of it."""

    digest: str
    facts: Mapping[str, object]
    encoder: Encoder
    learner: Learner
    correction: Correction

    @property
    def use_case(self) -> str:
        return str(self.facts["use_case"])

    @cached_property
    def request_schema(self) -> RequestSchema:
        """The features that each row must have, in order."""
        return RequestSchema.from_encoder(self.encoder)

    def score(self, rows: Iterable[Row]) -> list[float]:
        """Return the score of each row, a mapping of feature to number, text or None (missing).

        Raises ScoreRequestError, as the model server does, for a missing or unknown feature, and for a wrong type.
        """
        return self.score_complete(self.request_schema.complete(row) for row in rows)

    def score_complete(self, rows: Iterable[Row]) -> list[float]:
        """Return the score of each row of all features as they were in training, such as a golden row."""
        encoded = [self.encoder.encode_row(row) for row in rows]
        features = np.concatenate([np.zeros((0, len(self.encoder.sizes))), *encoded])
        return [float(each) for each in self.correction.apply(self.learner.raw(features))]


def load_package(files: Mapping[str, bytes], digest: str) -> Scorer:
    """Return the scorer of the package `digest`.

    Raises PackageError when `files` are not the bytes of that package, or when the scores of its golden rows are not
    those that were packed.
    """
    actual_digest = manifest.sha256(files.get(package_reader.MANIFEST, b""))
    if actual_digest != digest:
        raise PackageError(
            f"expected the package {digest}, got one whose {package_reader.MANIFEST} has SHA-256 {actual_digest}: "
            "install it again"
        )
    package_manifest = package_reader.read_manifest(files)
    scorer = Scorer(
        digest=digest,
        facts=package_reader.facts(files),
        encoder=package_reader.read_encoder(files),
        learner=_learner(str(package_manifest["learner"]), files["learner.txt"].decode()),
        correction=calibration.load(json.loads(files["calibration.json"])),
    )
    golden = json.loads(files["golden.json"])
    package_reader.check_golden_scores("at the edge", np.array(scorer.score_complete(golden["rows"])), golden["scores"])
    return scorer


def _learner(kind: str, text: str) -> Learner:
    match kind:
        case "trees":
            return numpy_trees.parse(text)
        case "network":
            return Network.load(text)
        case _:
            return Linear.load(text)
