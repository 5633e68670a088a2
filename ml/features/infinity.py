"""Infinite values of features: no model is trained on them, because no mean and no distance is finite any more."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ml.errors import DataError


def count(rows: pd.DataFrame, names: Sequence[str]) -> dict[str, int]:
    """Return the number of infinite values of each of the features `names` that has any.

    >>> count(pd.DataFrame({"rate": [1.0, float("inf"), None], "zone": ["a", "b", "c"]}), ["rate", "zone"])
    {'rate': 1}
    """
    numeric = [name for name in names if pd.api.types.is_numeric_dtype(rows[name].dtype)]
    counts = {name: int(np.isinf(rows[name].to_numpy(np.float64, na_value=np.nan)).sum()) for name in numeric}
    return {name: infinite for name, infinite in counts.items() if infinite}


def describe(counts: dict[str, int], rows: int) -> str:
    """Return which features are infinite, in how many of `rows` rows.

    >>> describe({"rate": 2, "gap": 1}, rows=10)
    'rate is infinite in 2 of 10 rows, gap is infinite in 1 of 10 rows'
    """
    return ", ".join(f"{name} is infinite in {infinite} of {rows} rows" for name, infinite in counts.items())


def check_none(rows: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise DataError that names each of the features `names` with infinite values, and their number."""
    if counts := count(rows, names):
        raise DataError(
            f"expected features to train on that are finite, but {describe(counts, len(rows))}: correct how they are "
            "computed (a division by zero can give a missing value, NaN, instead), build the features again with "
            "`ratchet features build`, and train again"
        )
