"""The protocol of published tutorials on these data beside an honest one: where an AUC of .9 comes from, and what is left.

The published way: flights 30 minutes late or more, complete cases only, a random quarter held out, and among the columns
the actual departure and the time in the air, which nobody knows before the flight. The same learner throughout.
"""

from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

USE_CASE, LATE_MINUTES, TRAINED_UNTIL = "flights", 30, "2013-09-30"
BARS = {"published": 0.90}
_TREES, _LEAVES, _LEARNING_RATE, _SEED = 400, 255, 0.1, 7
_KNOWN = ("carrier", "origin", "dest", "flight", "distance", "weekday", "month")
_PLANNED, _ACTUAL = (*_KNOWN, "sched_dep_time"), (*_KNOWN, "dep_time", "air_time")
_PROTOCOLS = {
    "published": ("random quarter held out, with actual departure and air time", _ACTUAL, False),
    "without what is not known": ("random quarter held out, planned columns", _PLANNED, False),
    "honest": ("October to December held out, planned columns", _PLANNED, True),
}


def run() -> dict[str, Any]:
    """Return the AUC of each protocol, and whether the leak alarm stops it."""
    from include import usecases
    from include.settings import load_settings
    from include.usecases.flights import source
    from ml import targets
    from ml.training import learners
    from ml.usecase import GradientBoosting

    flights = _prepared(source._flights(load_settings().data / USE_CASE))
    learner = GradientBoosting(
        trees=_TREES, leaves=_LEAVES, learning_rate=_LEARNING_RATE, rows_per_leaf=20, feature_share=1.0, row_share=1.0
    )
    case, measured = usecases.get(USE_CASE), {}
    labels, nights = flights["label"].to_numpy(), flights["night"].to_numpy(object)
    for name, (what, columns, in_time) in _PROTOCOLS.items():
        held_out = _held_out(flights, in_time=in_time)
        scores = _scores(flights, columns, held_out, learner, learners, load_settings().threads)
        target = targets.from_labels(case, labels[~held_out])
        quality = target.measure(labels[held_out], scores, nights[held_out])
        auc, alarm = quality.auc, _alarm(flights[~held_out], columns, quality, case.gates, target)
        measured[name] = {"protocol": what, "auc": round(auc, 4), "leak_alarm": alarm}
    fall = measured["published"]["auc"] - measured["honest"]["auc"]
    _show(measured)
    return {"bars": BARS, "rows": len(flights), "protocols": measured, "fall": round(fall, 4)}


def _prepared(flights: pd.DataFrame) -> pd.DataFrame:
    """Return the complete cases, whose columns are numbers and categories, with label and night."""
    complete = flights.dropna(subset=["arr_delay", "air_time", "dep_time"]).reset_index(drop=True)
    return complete.assign(
        weekday=complete["flight_date"].dt.dayofweek,
        label=(complete["arr_delay"].astype(float) >= LATE_MINUTES).astype(float),
        night=complete["flight_date"].dt.strftime("%Y-%m-%d"),
        **{name: complete[name].astype(float) for name in ("dep_time", "air_time")},
    )


def _held_out(flights: pd.DataFrame, *, in_time: bool) -> Any:
    if in_time:
        return (flights["night"] > TRAINED_UNTIL).to_numpy()
    return np.random.default_rng(_SEED).random(len(flights)) < 0.25


def _scores(flights: pd.DataFrame, columns: Any, held_out: Any, learner: Any, learners: Any, threads: int) -> Any:
    """Return the probabilities of the rows held out."""
    from ml.statistics.logistic import probability
    from ml.training import encoding

    encoder = encoding.fit(flights[~held_out], columns)
    encoded, labels = encoder.encode(flights), flights["label"].to_numpy()
    fitted = learners.fit(learner, encoder, encoded[~held_out], labels[~held_out], _SEED, threads)
    return probability(fitted.raw(encoded[held_out]))


def _alarm(learned: pd.DataFrame, columns: Any, quality: Any, gates: Any, target: Any) -> str:
    """Return what the leak alarm says of the columns and of the quality, or "silent"."""
    from ml.errors import LeakError
    from ml.training import leakage

    none = pd.DataFrame(index=learned.index)
    try:
        leakage.check_features(
            learned[list(columns)],
            learned["label"].to_numpy(),
            learned["night"].to_numpy(object),
            none,
            gates,
            target=target,
        )
        leakage.check_quality(quality, gates)
    except LeakError as alarm:
        return str(alarm)
    return "silent"


def _show(measured: dict[str, Any]) -> None:
    table = Table(title="30 minutes late or more: one learner, three protocols", title_justify="left")
    for heading in ("protocol", "ROC AUC", "leak alarm"):
        table.add_column(heading)
    for each in measured.values():
        table.add_row(each["protocol"], f"{each['auc']:.3f}", each["leak_alarm"])
    Console().print(table)
