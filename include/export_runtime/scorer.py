"""Score rows with the packaged model in this wheel. It needs only NumPy, and no network.

model = load()
model.score([{...}])
"""

from importlib import resources

from ml.errors import PackageError, ScoreRequestError
from ml.scoring.scorer import Scorer, load_package

__all__ = ["PackageError", "ScoreRequestError", "Scorer", "load"]


def load() -> Scorer:
    """Return the model after verifying its digest and the scores of its golden rows; raises PackageError."""
    here = resources.files(__package__)
    files = {each.name: each.read_bytes() for each in (here / "package").iterdir() if each.is_file()}
    return load_package(files, (here / "package.sha256").read_text().strip())
