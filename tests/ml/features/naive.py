"""Tables and askers in no order, and each kind of lookup as its definition says: a loop over all rows."""

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from ml.features import point_in_time
from ml.features.point_in_time import AsOfView, Entities, TableIndex
from ml.usecase import AsOf, Since, Window

HOUR = pd.Timedelta(hours=1)
START = pd.Timestamp("2013-01-01", tz="UTC")
ZONES = ["a", "b", None]


@st.composite
def seen(draw: st.DrawFn) -> pd.DataFrame:
    """A table whose rows become known before or after they happen: ties, missing groups and values, or no rows."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(ZONES),
                st.integers(0, 96),
                st.integers(-20, 60),
                st.one_of(st.none(), st.integers(-5, 5), st.sampled_from([0.1, 0.7])),
                st.sampled_from(["x", "y", None]),
                st.booleans(),
            ),
            max_size=25,
        )
    )
    zone, happened, later, size, kind, good = zip(*rows, strict=True) if rows else [()] * 6
    happened_at = START + pd.to_timedelta(list(happened), unit="h")
    return pd.DataFrame(
        {
            "zone": pd.Series(zone, dtype=object),
            "happened_at": pd.Series(happened_at, dtype="datetime64[ns, UTC]"),
            "known_at": pd.Series(happened_at + pd.to_timedelta(list(later), unit="h"), dtype="datetime64[ns, UTC]"),
            "size": pd.Series(size, dtype=np.float64),
            "kind": pd.Series(kind, dtype=object),
            "good": pd.Series(good, dtype=np.float64),
        }
    )


@st.composite
def asked(draw: st.DrawFn) -> pd.DataFrame:
    """Entities with a zone and a cutoff."""
    rows = draw(st.lists(st.tuples(st.sampled_from([*ZONES, "unseen"]), st.integers(0, 160)), min_size=1, max_size=8))
    cutoffs = pd.Series(START + pd.to_timedelta([row[1] for row in rows], unit="h"), dtype="datetime64[ns, UTC]")
    return pd.DataFrame({"zone": pd.Series([row[0] for row in rows], dtype=object), "cutoff": cutoffs})


def view(table: pd.DataFrame, entities: pd.DataFrame) -> AsOfView:
    """Return `table` as `entities` may see it."""
    asking = Entities(entities, point_in_time.seconds(entities["cutoff"]))
    return AsOfView(TableIndex(table, "known_at", "happened_at"), asking)


def window(table: pd.DataFrame, entity: Any, feature: Window, hours: float) -> float:
    """Return the window's statistic as its definition says, row by row."""
    inside = _known(table, entity, feature.on)
    inside = inside[(_instant(inside, feature.on) > entity.cutoff - hours * HOUR) & inside[feature.column].notna()]
    own = _group(inside, entity.zone, feature.by)[feature.column]
    if feature.how == "sum":
        return float(own.sum())
    if feature.how == "count":
        return _count(inside, own, feature)
    if not feature.shrinkage:
        return float(own.mean())
    return float((own.sum() + feature.shrinkage * inside[feature.column].mean()) / (len(own) + feature.shrinkage))


def _count(inside: pd.DataFrame, own: "pd.Series[Any]", feature: Window) -> float:
    grouped = inside.dropna(subset=list(feature.by))
    if not feature.shrinkage:
        return float(len(own))
    if grouped.empty:
        return 0.0
    usual = len(grouped) / (len(grouped.drop_duplicates(list(feature.by))) if feature.by else 1)
    return float((len(own) + feature.shrinkage) / (1 + feature.shrinkage / usual))


def latest(table: pd.DataFrame, entity: Any, feature: AsOf) -> list[object]:
    """Return the looked-up values: of the latest event known by the cutoff, if it is fresh."""
    known = _group(table[table["known_at"] <= entity.cutoff], entity.zone, feature.by)
    known = known.sort_values(["happened_at", "known_at"], kind="stable")
    if known.empty or known["happened_at"].iloc[-1] < entity.cutoff - feature.within_hours * HOUR:
        return [None for _ in feature.columns]
    return [None if pd.isna(value) else value for value in known[list(feature.columns)].iloc[-1]]


def since(table: pd.DataFrame, entity: Any, feature: Since) -> float:
    """Return the hours since the latest row, of those that count, if there is one within the bound."""
    known = _group(_known(table, entity, feature.on), entity.zone, feature.by)
    known = known if feature.condition is None else known[known[feature.condition] > 0]
    hours = float((entity.cutoff - _instant(known, feature.on).max()) / HOUR)
    return hours if hours <= feature.within_hours else np.nan


def _known(table: pd.DataFrame, entity: Any, on: str) -> pd.DataFrame:
    return table[(table["known_at"] <= entity.cutoff) & (_instant(table, on) <= entity.cutoff)]


def _instant(table: pd.DataFrame, on: str) -> "pd.Series[pd.Timestamp]":
    return table["known_at" if on == "known_at" else "happened_at"]


def _group(table: pd.DataFrame, zone: str | None, by: tuple[str, ...]) -> pd.DataFrame:
    return table[table["zone"].notna() & (table["zone"] == zone)] if by else table
