"""The MLflow pyfunc flavor of a package: model code that MLflow stores next to the package, and runs to load it.

Ratchet must be importable where the model is loaded. Nothing is pickled.
"""

from pathlib import Path
from typing import Any

import mlflow.models
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel

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

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the prediction of each row of features; categories are strings here."""
        return self._model.predict(model_input)


mlflow.models.set_model(PackagedModel())
