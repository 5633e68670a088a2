"""The MLflow flavour of a package: model code that MLflow stores beside the package's bytes, and runs to load it.

Ratchet must be importable where it is loaded; there is no pickle.
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
    """Answers from the bytes of one package, checked against its digest before they are parsed."""

    def load_context(self, context: Any) -> None:
        """Load the package; raises PackageError when its bytes are not those that were registered, or nobody trusted signed them."""
        path, trusted = Path(context.artifacts["package"]), load_settings().trusted_keys
        files = packages.read(path, context.model_config["digest"], trusted)
        self._model = package_files.load(files)

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the answer to each row of features; categories are strings here."""
        return self._model.predict(model_input)


mlflow.models.set_model(PackagedModel())
