"""Compare the evaluation protocol of published tutorials on these data (AUC .9) with one that has no leakage.

The published protocol: flights at least 30 minutes late, complete cases only, a random quarter held out, and features
that include the actual departure and the time in the air, which are unknown before the flight. All protocols use the
same learner.
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
    """Return the AUC of each protocol, and the message of the leak alarm if it stops the training."""
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
    for name, (description, columns, split_by_time) in _PROTOCOLS.items():
        held_out = _held_out(flights, split_by_time=split_by_time)
        scores = _scores(flights, columns, held_out, learner, learners, load_settings().threads)
        target = targets.from_labels(case, labels[~held_out])
        quality = target.measure(labels[held_out], scores, nights[held_out])
        auc, alarm = quality.auc, _alarm(flights[~held_out], columns, quality, case.gates, target)
        measured[name] = {"protocol": description, "auc": round(auc, 4), "leak_alarm": alarm}
    fall = measured["published"]["auc"] - measured["honest"]["auc"]
    _show(measured)
    return {"bars": BARS, "rows": len(flights), "protocols": measured, "fall": round(fall, 4)}


def _prepared(flights: pd.DataFrame) -> pd.DataFrame:
    """Return the complete cases with label and night, with numeric and categorical columns."""
    complete = flights.dropna(subset=["arr_delay", "air_time", "dep_time"]).reset_index(drop=True)
    return complete.assign(
        weekday=complete["flight_date"].dt.dayofweek,
        label=(complete["arr_delay"].astype(float) >= LATE_MINUTES).astype(float),
        night=complete["flight_date"].dt.strftime("%Y-%m-%d"),
        **{name: complete[name].astype(float) for name in ("dep_time", "air_time")},
    )


def _held_out(flights: pd.DataFrame, *, split_by_time: bool) -> Any:
    if split_by_time:
        return (flights["night"] > TRAINED_UNTIL).to_numpy()
    return np.random.default_rng(_SEED).random(len(flights)) < 0.25


def _scores(flights: pd.DataFrame, columns: Any, held_out: Any, learner: Any, learners: Any, threads: int) -> Any:
    """Return the predicted probabilities of the held-out rows."""
    from ml.scoring.logistic import probability
    from ml.training import encoding

    encoder = encoding.fit(flights[~held_out], columns)
    encoded, labels = encoder.encode(flights), flights["label"].to_numpy()
    fitted = learners.fit(learner, encoder, encoded[~held_out], labels[~held_out], _SEED, threads)
    return probability(fitted.raw(encoded[held_out]))


def _alarm(training: pd.DataFrame, columns: Any, quality: Any, gates: Any, target: Any) -> str:
    """Return the message of the leak alarm for the columns and the quality, or "silent"."""
    from ml.errors import LeakError
    from ml.training import leakage

    no_columns = pd.DataFrame(index=training.index)
    try:
        leakage.check_features(
            training[list(columns)],
            training["label"].to_numpy(),
            training["night"].to_numpy(object),
            no_columns,
            gates,
            target=target,
        )
        leakage.check_quality(quality, gates)
    except LeakError as alarm:
        return str(alarm)
    return "silent"


def _show(measured: dict[str, Any]) -> None:
    table = Table(title="at least 30 minutes late: one learner, three protocols", title_justify="left")
    for heading in ("protocol", "ROC AUC", "leak alarm"):
        table.add_column(heading)
    for each in measured.values():
        table.add_row(each["protocol"], f"{each['auc']:.3f}", each["leak_alarm"])
    Console().print(table)
