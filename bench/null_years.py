"""Years in which no model is better than another, walked through production's rules: how often a licence is earned.

On each night, the scores of all models that could score it are dealt to these models at random: the anchor, every
refresh, and the models that are judged in their place. Every model then has the same expected loss on every night,
with the differences of real nights. What the rules do in such a year is an error of theirs.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from bench import backtest, workspace
from bench.backtest import FLIGHTS, NIGHTS, WINTER

POLICY, YEARS, _SEED, _LONGEST_HOLDOUT = "every@14", 100, 20131, 60
BARS = {"most_licensed": 0.03}


def run() -> dict[str, Any]:
    """Return the share of years without gain in which a licence is earned, and what adoption costs in them."""
    from include.steps.backtest import trainings
    from ml.retraining.backtest import policies, simulation
    from ml.usecase import GradientBoosting

    with workspace.temporary():
        workspace.ingest(FLIGHTS, WINTER)
        real = backtest.run_backtest(FLIGHTS, NIGHTS, POLICY, gate=True, candidate=GradientBoosting(), calibrated=False)
        (policy,) = policies.parse(POLICY, real.context.case.triggers)
        needed = {real.context.initial_training} | simulation.likely_trainings(policy, real.context)
        trained = trainings.gather(real.training_key, needed, 1, lambda _: None)
        return measure(real.context, trained, YEARS)


def measure(context: Any, trained: Any, years: int) -> dict[str, Any]:
    """Return the error rates over so many years; `trained` has every model that may be judged or released."""
    from ml.retraining.backtest import policies, recipe_evidence, results, simulation

    (policy,) = policies.parse(POLICY, context.case.triggers)
    rng, rows = np.random.default_rng(_SEED), results.labelled_rows(context)
    licensed, adopted, excess = [], [], []
    for _ in range(years):
        year = _any_holdout(_deal(trained, context, rng))
        walk, missing = simulation.advance(simulation.start(policy, context), context, year)
        assert not missing
        record = recipe_evidence.record(walk, context.period.last, context, year)
        licensed.append(record.is_licensed)
        adopted.append(walk.release_count)
        served = simulation.served_scores(walk, context, year)[rows]
        anchor, labels = year[context.initial_training], context.history.labels[rows]
        losses = [anchor.target.row_loss(labels, scores).mean() for scores in (served, anchor.scores[rows])]
        excess.append(losses[0] - losses[1])
    margin = stats.t.ppf(0.975, years - 1) * np.std(excess, ddof=1) / np.sqrt(years)
    return {
        "bars": BARS,
        "years": years,
        "licensed": float(np.mean(licensed)),
        "adopted_a_year": float(np.mean(adopted)),
        "loss_beyond_anchor": {
            name: round(float(np.mean(excess)) + offset, 6)
            for name, offset in (("value", 0.0), ("low", -margin), ("high", margin))
        },
    }


def _deal(trained: Any, context: Any, rng: np.random.Generator) -> dict[Any, Any]:
    """Return the trainings with the scores of each night dealt at random to the models that could score it.

    A model and the one that is judged in its place get the same scores, because they are of one training.
    """
    families: dict[Any, list[Any]] = {}
    for each in trained:
        families.setdefault(each.night, []).append(each)
    order = sorted(families)
    scores = np.full((len(order), len(context.history.labels)), np.nan)
    for row, night in enumerate(order):
        for each in sorted(families[night]):  # the released model first, then those with more nights held out
            scores[row] = np.where(np.isnan(scores[row]), trained[each].scores, scores[row])
    dealt = scores.copy()
    for night in context.case.schedule.nights(context.period):
        rows = context.history.rows(night, night)
        could_score = np.flatnonzero(~np.isnan(scores[:, rows]).any(axis=1)) if rows.stop > rows.start else []
        dealt[could_score, rows] = scores[rng.permutation(could_score), rows]
    return {
        each: replace(model, scores=np.where(np.isnan(model.scores), np.nan, dealt[order.index(each.night)]))
        for each, model in trained.items()
    }


def _any_holdout(year: dict[Any, Any]) -> dict[Any, Any]:
    """Return the trainings under every number of nights held out, each by the model with the nearest number.

    A year without gain adopts on other nights than the real one, so that other numbers of nights are held out.
    """
    complete = dict(year)
    for night in {each.night for each in year}:
        judged = [each for each in year if each.night == night and each.held_out]
        for held_out in range(1, _LONGEST_HOLDOUT) if judged else ():
            nearest = min(judged, key=lambda each: abs(each.held_out - held_out))
            training = nearest._replace(held_out=held_out)
            complete.setdefault(training, replace(year[nearest], training=training))
    return complete
