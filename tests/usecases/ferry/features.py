"""Row-level features of the toy."""

import numpy as np
import pandas as pd


def sailing_hour(sails_at: pd.Series) -> pd.Series:
    """Hour of the sailing, UTC."""
    return sails_at.dt.hour.astype(np.float64)


def is_heavy(tonnes: pd.Series) -> pd.Series:
    """Loaded with 250 tonnes or more."""
    return (tonnes >= 250).astype(np.float64)
