"""Edge cases of the survey: who is at an age at which work begins or ends."""

import numpy as np
import pandas as pd


def is_sixteen_or_seventeen(age_years: pd.Series) -> pd.Series:
    """At school mostly, and asked about work for the first time."""
    return age_years.between(16, 17).astype(np.float64)


def is_around_retirement(age_years: pd.Series) -> pd.Series:
    """From the first year of a reduced pension to the last in which most have stopped."""
    return age_years.between(62, 69).astype(np.float64)
