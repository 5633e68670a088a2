"""The BentoML service of a package; `bench/servers.py` runs it in BentoML's environment."""

import os
from pathlib import Path
from typing import Any

import bentoml

from ml.packaging import package_files


@bentoml.service(workers=1)
class Scores:
    """Scores rows with the package in the folder BENTO_PACKAGE."""

    def __init__(self) -> None:
        folder = Path(os.environ["BENTO_PACKAGE"])
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self._model = package_files.load(files)

    @bentoml.api
    async def score(self, row: dict[str, Any]) -> float:
        """Return the score of one row of features."""
        return self._model.predict_row(row)
