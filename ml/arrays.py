"""Type aliases for the NumPy arrays that functions of `ml/` take and return."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Booleans = npt.NDArray[np.bool_]
Strings = npt.NDArray[np.object_]
