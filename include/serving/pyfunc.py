"""The MLflow pyfunc flavor of a package: model code that MLflow stores next to the package, and runs to load it.

Ratchet must be importable where the model is loaded. Nothing is pickled.
"""

from pathlib import Path
from typing import Any

import mlflow.models
import pandas as pd
from mlflow.pyfunc.model import PythonModel

from include.serving import explanations
from include.settings import load_settings
from include.stores import packages
from ml.packaging import package_files


class PackagedModel(PythonModel):
    """Predicts with one package, whose digest and signature are verified before it is parsed."""

    def load_context(self, context: Any) -> None:
        """Load the package; raises PackageError when its bytes changed, or when no trusted key signed them."""
        path, trusted = Path(context.artifacts["package"]), load_settings().trusted_keys
        files = packages.read(path, context.model_config["digest"], trusted)
        self._model = package_files.load(files)

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        """Return the prediction of each row of features, shape (n,); categories are strings here.

        With `params={"explain": k}`, return a list of objects instead, each a score with its explanation by k features,
        as the model server does. Raises ScoreRequestError when k is no number of features.
        """
        size = explanations.parse_size((params or {}).get(explanations.NAME), f"params.{explanations.NAME}")
        if not size:
            return self._model.predict(model_input)
        encoded = self._model.encoder.encode(model_input)
        scores = self._model.calibration.apply(self._model.learner.raw(encoded)).tolist()
        rows = [{str(name): value for name, value in row.items()} for row in _records(model_input)]
        explained = explanations.explain(self._model, encoded, size)
        return [
            {"score": score, "explanation": explanations.show_values(each, row, row).to_json()}
            for score, each, row in zip(scores, explained, rows, strict=True)
        ]


def _records(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    columns = frame.astype(object)
    return columns.where(columns.notna(), None).to_dict("records")


mlflow.models.set_model(PackagedModel())
