"""The cost of age as production would measure it as of a night of a backtest: on models and labels known by then."""

from datetime import date

import numpy as np

from ml.retraining import worth
from ml.retraining.backtest.context import BacktestContext, PolicyRun
from ml.retraining.backtest.history import TrainedModel, Trainings, model_of
from ml.retraining.worth import WorthFacts


def observe(run: PolicyRun, min_nights: int, night: date, context: BacktestContext, trainings: Trainings) -> WorthFacts:
    """Return what the policy knows as of `night` about the cost of age, from its own models of the champion's recipe.

    CPU seconds are not counted, as a backtest does not repeat them: the price of a policy is its total.
    """
    models = _models(run, night, trainings)
    if len(models) < 2:
        return WorthFacts(age_cost=None, error=None, nights=0, cpu_seconds=0.0)
    schedule, history, trained = context.case.schedule, context.history, [each.night for each in models]
    rows = history.matured(
        history.rows(worth.first_compared(trained, night, schedule), night),
        schedule.cutoff(night),
        context.case.matured_share,
    )
    nights, index = np.unique(history.nights[rows].astype(str), return_inverse=True)
    row_costs = [each.target.row_cost(history.labels[rows], each.scores[rows]) for each in models]
    return worth.facts_of(
        worth.ages(trained, list(map(str, nights)), schedule),
        np.transpose([np.bincount(index, each, len(nights)) for each in row_costs]),
        min_nights=min_nights,
        cpu_seconds=0.0,
    )


def _models(run: PolicyRun, night: date, trainings: Trainings) -> list[TrainedModel]:
    """Return the newest models of the champion's recipe that the policy had trained before `night`, oldest first."""
    recipe = run.champion_terms[-1].training.candidate
    refreshes = [each.refresh for each in run.records if each.refresh is not None and each.night < night]
    used = {run.champion_terms[0].training, *refreshes}
    return [model_of(each, trainings) for each in sorted(used) if each.candidate == recipe][-worth.MODELS :]
