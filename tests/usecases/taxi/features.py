"""Row-level features of the toy."""

import numpy as np
import pandas as pd


def is_late(minutes_late: pd.Series) -> pd.Series:
    """Ten minutes or more; a ride without a driver has no minutes and counts as late."""
    return ((minutes_late >= 10) | minutes_late.isna()).astype(np.float64)


def pickup_hour(pickup_at: pd.Series) -> pd.Series:
    """Hour of the pickup, UTC."""
    return pickup_at.dt.hour.astype(np.float64)


def is_evening(pickup_hour: pd.Series) -> pd.Series:
    """Picked up at 16:00 UTC or later."""
    return (pickup_hour >= 16).astype(np.float64)
