"""Live candidates with and without the rotation of the aircraft: how late it last left, as of each entity's cutoff.

These data have the tail number only in the closed record of a flight, which says after the fact what aircraft flew. So
the rotation is measured as an upper bound, in three ways: on all flights, where a missing tail number gives away that
the flight was cancelled; on flights with a known tail number only; and without it on these same flights. The leak alarm
decides whether a use case may declare such features.
"""

import time
from dataclasses import replace
from typing import Any

import pandas as pd

from bench import rolling, workspace

TAIL = "tail_number"
BASE, EXTRA = "base features", "base features and rotation"


def run() -> dict[str, Any]:
    """Return the pooled quality with and without rotation, on all flights and on known tails, and the leak alarm."""
    with workspace.temporary():
        case, settings = workspace.ingest(rolling.USE_CASE, rolling.YEAR)
        return _measure(case.at("live"), settings)


def _measure(case: Any, settings: Any) -> dict[str, Any]:
    from ml.usecase import GradientBoosting

    (trees,) = (each for each in case.candidates if isinstance(each, GradientBoosting))
    case, rows = replace(case, candidates=(trees,)), workspace.training_rows(case, settings, rolling.YEAR)
    started = time.perf_counter()
    rotation = _rotation(case, settings)
    seconds = round(time.perf_counter() - started, 1)
    frame = rows.frame.merge(rotation, on="entity", how="left")
    wider = replace(rows, frame=frame)
    extra = [name for name in rotation if name not in ("entity", TAIL)]
    known = frame[TAIL].notna().to_numpy()
    variants = {
        f"{EXTRA}, all flights": (wider, [*case.feature_names, *extra]),
        f"{EXTRA}, known tails": (wider.select(known), [*case.feature_names, *extra]),
        f"{BASE}, known tails": (wider.select(known), [*case.feature_names]),
    }
    measured = {
        name: rolling.evaluate(case, settings, of_rows, names)["candidates"][trees.name]["pooled"]
        for name, (of_rows, names) in variants.items()
    }
    return {
        "features": extra,
        "seconds_to_build": seconds,
        "disrupted_without_tail": round(float(rows.labels[~known].mean()), 4),
        "variants": measured,
        "leak_alarm": {
            "tail number declared": _alarm(case, wider, [*extra, TAIL]),
            "rotation declared": _alarm(case, wider, extra),
        },
    }


def _rotation(case: Any, settings: Any) -> pd.DataFrame:
    """Return the rotation features of each entity as of its live cutoff, and its tail number."""
    from include import usecases
    from include.stores import lake
    from include.usecases import coherence
    from ml import features
    from ml.usecase import Column, Prior, Since, Window

    schedule, departures, outcomes = (
        lake.read(lake.address(settings.lake, case.dataset, "valid", name))
        for name in ("schedule", "departures", "outcomes")
    )
    declared = usecases.get(case.dataset)
    (live,) = declared.lives
    rotation = (
        Window("departures", column="departure_delay_minutes_capped", how="mean", by=(TAIL,), hours=(6, 24)),
        Since("departures", by=(TAIL,), within_hours=24),
    )
    only_rotation = replace(
        declared,
        features=(Column("carrier"),),
        horizons=(declared.schedule, replace(live, features=rotation)),
        **dict.fromkeys(("retired", "excluded", "slices", "edge_cases", "expectations", "deterministic_levels"), ()),
        baselines=(Prior(),),
        fairness=None,
    ).at(live.name)
    key = list(declared.table("schedule").key)
    tails = outcomes[[*key, TAIL]]
    entities = schedule.merge(tails, on=key, how="left")
    built = features.build(
        only_rotation,
        coherence.functions(declared),
        entities,
        {"departures": departures.merge(tails, on=key, how="left")},
    )
    return built.drop(columns=["night", "cutoff", "carrier"]).assign(**{TAIL: entities[TAIL].to_numpy(object)})


def _alarm(case: Any, rows: Any, names: list[str]) -> str:
    """Return the sentence of the leak alarm on these features, or that it is silent."""
    from ml import targets
    from ml.errors import LeakError
    from ml.training import leakage

    try:
        leakage.check_features(
            rows.frame[names],
            rows.labels,
            rows.nights,
            pd.DataFrame(index=rows.frame.index),
            case.gates,
            target=targets.from_labels(case, rows.labels),
        )
    except LeakError as error:
        return str(error)
    return "silent"
