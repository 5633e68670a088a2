"""Row-level features of flights: a function's name is its output column, its parameters are its input columns."""

import numpy as np
import pandas as pd


def is_disrupted(arrival_delay_minutes: pd.Series) -> pd.Series:
    """15 minutes late or more; a cancelled or diverted flight has no arrival delay and counts as disrupted."""
    return ((arrival_delay_minutes >= 15) | arrival_delay_minutes.isna()).astype(np.float64)


def delay_minutes_capped(arrival_delay_minutes: pd.Series) -> pd.Series:
    """Arrival delay in minutes, kept within -30 and 180; without an arrival it is 180."""
    return arrival_delay_minutes.fillna(180).clip(-30, 180)


def departure_delay_minutes_capped(departure_delay_minutes: pd.Series) -> pd.Series:
    """Departure delay in minutes, kept within -15 and 180."""
    return departure_delay_minutes.clip(-15, 180)


def departure_minute(scheduled_departure_hhmm: pd.Series) -> pd.Series:
    """Scheduled departure in minutes since local midnight."""
    return scheduled_departure_hhmm // 100 * 60 + scheduled_departure_hhmm % 100


def arrival_minute(scheduled_arrival_hhmm: pd.Series) -> pd.Series:
    """Scheduled arrival in minutes since midnight at the destination."""
    return scheduled_arrival_hhmm // 100 * 60 + scheduled_arrival_hhmm % 100


def weekday(flight_date: pd.Series) -> pd.Series:
    """Monday 0 to Sunday 6."""
    weekday: pd.Series = flight_date.dt.dayofweek.astype(np.float64)
    return weekday


def is_severe_weather(
    visibility_miles: pd.Series, precipitation_inches: pd.Series, wind_gust_mph: pd.Series
) -> pd.Series:
    """Low visibility, heavy precipitation or strong gusts, as last observed before the cutoff."""
    severe = (visibility_miles < 2) | (precipitation_inches > 0.1) | (wind_gust_mph > 35)
    return severe.astype(np.float64)


def is_rare_route(is_disrupted_count_by_origin_and_destination_28d: pd.Series) -> pd.Series:
    """Fewer than ten flights between the two airports are known of the last 28 days: an edge case, not a feature."""
    return (is_disrupted_count_by_origin_and_destination_28d < 10).astype(np.float64)
