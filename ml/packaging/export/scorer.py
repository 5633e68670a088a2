"""Scoring from a package with NumPy alone: it is verified when loaded, and takes the same rows as the model server."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ml.errors import PackageError
from ml.governance import manifest
from ml.packaging import package_files
from ml.packaging.export import numpy_trees
from ml.packaging.export.ngrams import NumpyProjection
from ml.packaging.export.numpy_trees import Forest
from ml.scoring.request_schema import RequestSchema, Row
from ml.targets import calibration
from ml.targets.calibration import Correction
from ml.training.encoding import Encoder
from ml.training.learners.linear import Linear
from ml.training.learners.network import Network

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
        encoded = [self.encoder.encode_row(self.request_schema.complete(row)) for row in rows]
        features = np.concatenate([np.zeros((0, len(self.encoder.sizes))), *encoded])
        return [float(each) for each in self.correction.apply(self.learner.raw(features))]


def load_package(files: Mapping[str, bytes], digest: str) -> Scorer:
    """Return the scorer of the package `digest`.

    Raises PackageError when `files` are not the bytes of that package, or when the scores of its golden rows are not
    those that were packed.
    """
    actual_digest = manifest.sha256(files.get(package_files.MANIFEST, b""))
    if actual_digest != digest:
        raise PackageError(
            f"expected the package {digest}, got one whose {package_files.MANIFEST} has SHA-256 {actual_digest}: "
            "install it again"
        )
    package_manifest = package_files.read_manifest(files)
    scorer = Scorer(
        digest=digest,
        facts=package_files.facts(files),
        encoder=package_files.read_encoder(files, NumpyProjection),
        learner=_learner(str(package_manifest["learner"]), files["learner.txt"].decode()),
        correction=calibration.load(json.loads(files["calibration.json"])),
    )
    golden = json.loads(files["golden.json"])
    package_files.check_golden_scores("at the edge", np.array(scorer.score(golden["rows"])), golden["scores"])
    return scorer


def _learner(kind: str, text: str) -> Learner:
    match kind:
        case "trees":
            return numpy_trees.parse(text)
        case "network":
            return Network.load(text)
        case _:
            return Linear.load(text)
