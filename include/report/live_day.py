"""What a live day of the demo showed: its answers against the night's scores of the same entities."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from include.steps.context import StepContext
from include.steps.score import prediction_log
from include.stores import warehouse
from ml.targets import DisplayNames, Target
from ml.usecase import UseCase


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveDay:
    """The answers of one horizon on `day`, and the loss of those with a label against that of the night's scores."""

    horizon: str
    day: str
    answered: int
    p99_ms: float
    rows: int
    live_loss: float
    night_loss: float


def gather(use_case: UseCase, context: StepContext, target: Target | None) -> LiveDay | None:
    """Return the result of the live day that the use case declares; None without one, or without labelled answers."""
    if use_case.demo.live_day is None or target is None:
        return None
    live, day = use_case.lives[0], date.fromisoformat(use_case.demo.live_day)
    answers = prediction_log.looked_up(StepContext(case=use_case.at(live.name), settings=context.settings), str(day))
    answers = answers.set_index("entity")
    nightly = (
        warehouse.scores(context.engine, use_case.name, day).drop_duplicates("entity").set_index("entity")["score"]
    )
    labels = warehouse.labels(
        context.engine, use_case.dataset, use_case.schedule.cutoff(use_case.schedule.previous(day, -2))
    )
    rows = answers.join(nightly.rename("night_score"), how="inner").join(
        labels.set_index("entity")["label"], how="inner"
    )
    if rows.empty:
        return None
    nights = np.full(len(rows), str(day), object)
    labels_of_rows, metric = rows["label"].to_numpy(float), target.display_names.metric
    live_loss, night_loss = (
        float(getattr(target.measure(labels_of_rows, rows[name].to_numpy(float), nights), metric))
        for name in ("score", "night_score")
    )
    return LiveDay(
        horizon=live.name,
        day=str(day),
        answered=len(answers),
        p99_ms=float(np.quantile(answers["latency_ms"], 0.99)),
        rows=len(rows),
        live_loss=live_loss,
        night_loss=night_loss,
    )


def describe(live_day: LiveDay, names: DisplayNames) -> str:
    """Return the result in a sentence.

    >>> from ml.targets.display_names import BINARY
    >>> describe(
    ...     LiveDay(horizon="live", day="2013-02-08", answered=900, p99_ms=2.1, rows=880, live_loss=0.4, night_loss=0.5),
    ...     BINARY,
    ... )
    "live, 2013-02-08: 900 answered, p99 2.1 ms, log loss 0.4000 against 0.5000 of the night's scores (880 labelled)"
    """
    return (
        f"{live_day.horizon}, {live_day.day}: {live_day.answered:,} answered, p99 {live_day.p99_ms:.1f} ms, {names.loss} "
        f"{live_day.live_loss:.4f} against {live_day.night_loss:.4f} of the night's scores ({live_day.rows:,} labelled)"
    )
