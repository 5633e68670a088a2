"""Groups of persons that are evaluated separately or compared: those asked about work, and two age groups."""

import numpy as np
import pandas as pd


def is_asked_about_work(age_years: pd.Series) -> pd.Series:
    """Of an age at which the survey asks; the answer of a child is settled, and would make any model look fair."""
    return (age_years >= 16).astype(np.float64)


def is_sixteen_or_seventeen(age_years: pd.Series) -> pd.Series:
    """At school mostly, and asked about work for the first time."""
    return age_years.between(16, 17).astype(np.float64)


def is_around_retirement(age_years: pd.Series) -> pd.Series:
    """From the first year of a reduced pension to the last in which most have stopped."""
    return age_years.between(62, 69).astype(np.float64)
