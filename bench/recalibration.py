"""Recalibration between trainings: what a layer fitted every week adds to policies of a year of flights and of employment.

A layer never changes when a schedule adopts which model, so each policy is walked once, and its champions' scores are
measured with the layer and without. Intervals are over weeks (months for employment), for the whole period and for each
half.
"""

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from bench import workspace
from bench.backtest import (
    ALL_MONTHS,
    CONTROL,
    FLIGHTS,
    MONTHS,
    NIGHTS,
    SPLIT,
    WINTER,
    comparison,
    publish,
    run_backtest,
)

LAYER = "+recalibrate"
MONTHLY = "+recalibrate:every_nights=1:window_nights=12:prior_nights=12"
VARIANTS = {
    "+recalibrate:gated=0": "without its gate",
    "+recalibrate:prior_nights=14": "a prior of 14 nights",
    "+recalibrate:prior_nights=7": "a prior of 7 nights",
    "+recalibrate:prior_nights=56": "a prior of 56 nights",
    "+recalibrate:every_nights=3": "fitted every 3 nights",
}
ALL_LAYERS = (LAYER, *VARIANTS)


def run() -> dict[str, Any]:
    """Return the gain of the layer on both use cases, with and without the gate."""
    with workspace.temporary():
        workspace.ingest(FLIGHTS, WINTER)
        workspace.ingest(CONTROL, ALL_MONTHS)
        return measure()


def measure() -> dict[str, Any]:
    """Walk the policies in a home with all nights, and write the table into docs/concepts/retraining.md."""
    from ml.usecase import GradientBoosting

    plain = {"candidate": GradientBoosting(), "calibrated": False}
    narrower = (LAYER, "+recalibrate:prior_nights=14")
    return publish_gains(
        [
            *gains("flights", FLIGHTS, {"never": (LAYER,), "every@28": (LAYER,), "every@14": ALL_LAYERS}, **plain),
            *gains("flights, gate", FLIGHTS, {"every@14": narrower}, gate=True, **plain),
            *gains("flights, as declared", FLIGHTS, {"never": (LAYER,), "every@14": narrower}),
            *gains("employment", CONTROL, {"never": (MONTHLY,), "every@12": (MONTHLY,)}),
            *gains("employment, gate", CONTROL, {"every@12": (MONTHLY,)}, gate=True),
        ]
    )


def publish_gains(measured: list[Any]) -> dict[str, Any]:
    """Write the table of gains, and return them as the result of this benchmark."""
    publish("recalibration", _table(measured), "recalibration")
    return {"gains": measured}


def gains(name: str, use_case: str, layers: dict[str, tuple[str, ...]], **options: Any) -> list[Any]:
    """Return the gain of each of the layers on each policy."""
    from include.steps.backtest import trainings
    from ml.retraining.backtest import policies

    run = run_backtest(use_case, NIGHTS if use_case == FLIGHTS else MONTHS, ",".join(layers), **options)
    needed = {term.training for walk in run.walks for term in walk.champion_terms}
    trained = trainings.gather(run.training_key, needed, 1, lambda _: None)
    measured = []
    for walk in run.walks:
        for layer in layers[walk.policy.name]:
            (policy,) = policies.parse(walk.policy.name + layer, run.context.case.triggers)
            gain = _gain(walk, replace(walk, policy=policy), run, trained)
            measured.append({"run": name, "policy": walk.policy.name, "layer": layer, **gain})
    return measured


def _gain(without: Any, layered: Any, run: Any, trained: Any) -> dict[str, Any]:
    """Return the losses of both walks, and the gain of the layer as a whole and by halves."""
    from ml.retraining.backtest import results, simulation

    context, rows = run.context, results.labelled_rows(run.context)
    labels, nights = context.history.labels[rows], context.history.nights[rows]
    target = trained[context.initial_training].target
    scores = [simulation.served_scores(each, context, trained)[rows] for each in (without, layered)]
    first_half = nights.astype(str) < SPLIT[run.request.use_case]
    gain = comparison(*scores, context, target)
    whole = gain(np.full(len(labels), True))
    return {
        "loss": [round(float(target.row_loss(labels, each).mean()), 4) for each in scores],
        "gain": _rounded(whole.loss, 4),
        "first_half": _rounded(gain(first_half).loss, 4),
        "second_half": _rounded(gain(~first_half).loss, 4),
        "saved": _rounded(whole.saved, 0, sign=-1),
        "layers": _layer_counts(layered, run, trained),
    }


def _layer_counts(walk: Any, run: Any, trained: Any) -> dict[str, int]:
    """Return how many layers were fitted, and how many of them were used."""
    from ml.retraining.backtest import recalibration, simulation

    layers = [
        layer.fitted.layer
        for term, answered in simulation.answered_periods(walk, run.context)
        for layer in recalibration.fit_layers(trained[term.training], answered, walk.policy.recalibration, run.context)
    ]
    return {"fitted": len(layers), "used": sum(not each.is_identity for each in layers)}


def _rounded(interval: Any, digits: int, sign: int = 1) -> dict[str, float]:
    value, low, high = (sign * each for each in asdict(interval).values())
    return dict(
        zip(("value", "low", "high"), (round(each, digits) for each in (value, *sorted((low, high)))), strict=True)
    )


def _table(measured: list[Any]) -> list[str]:
    from ml.model_card import markdown
    from ml.retraining.backtest import tables
    from ml.statistics.intervals import Interval

    headers = ["run", "policy", "layer", "used", "loss without", "gain", "first half", "second half", "saved per 1000"]
    return markdown.table(
        headers,
        [
            [
                each["run"],
                f"`{each['policy']}`",
                VARIANTS.get(each["layer"], "default" if each["layer"] == LAYER else "monthly"),
                f"{each['layers']['used']} of {each['layers']['fitted']}",
                f"{each['loss'][0]:.4f}",
                *(tables.describe_gain(Interval(**each[part])) for part in ("gain", "first_half", "second_half")),
                "{value:+,.0f} [{low:+,.0f}, {high:+,.0f}]".format(**each["saved"]),
            ]
            for each in measured
        ],
    )
