"""A live day of the demo: intraday runs refresh the snapshots, and a server is asked for each entity at its cutoff.

Entities whose answers are in the prediction log are not asked for again, after an interruption.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import httpx
import pandas as pd

from include.demo.airflow import Airflow
from include.patience import Patience
from include.serving import child_server
from include.steps.context import StepContext
from include.steps.features import build as feature_step
from include.steps.features import snapshot_archive
from include.steps.score import prediction_log
from include.stores import snapshot_store, table_snapshot
from ml.errors import SetupError
from ml.usecase import Live, UseCase

_STEP = timedelta(minutes=15)
_SPACING = 0.75  # of the hours between a cutoff and its event
_SECONDS, _POLL_SECONDS = 60.0, 0.05


def moments(day_cutoffs: "pd.Series[pd.Timestamp]", hours: float) -> tuple[datetime, ...]:
    """Return the moments of the refreshes, on full quarters of an hour, until the last cutoff is reached.

    They are less than `hours` apart, so that each entity is asked for between its cutoff and its event.

    >>> [str(each)[11:16] for each in moments(pd.Series(pd.to_datetime(["2013-02-08 09:50Z", "2013-02-08 13:40Z"])), 2)]
    ['10:00', '11:30', '13:00', '14:30']
    """
    spacing = max(pd.Timedelta(hours=_SPACING * hours).floor(_STEP), pd.Timedelta(_STEP))
    first, last = day_cutoffs.min().ceil(_STEP), day_cutoffs.max().ceil(_STEP)
    return tuple(each.to_pydatetime() for each in pd.date_range(first, last + spacing, freq=spacing, inclusive="left"))


def play(use_case: UseCase, live: Live, day: date, airflow: Airflow) -> None:
    """Ask for each entity of `day` once the data has reached its cutoff, and log the answers in the lake."""
    settings = airflow.settings
    context = StepContext(case=use_case.at(live.name), settings=settings)
    due = cutoffs_of(context, day)
    prediction_log.collect(context.case.name)
    answered = set(prediction_log.looked_up(context, str(day))["entity"])
    requests_by_moment = {
        moment: [each for each in entities if each not in answered] for moment, entities in _by_moment(due, live.hours)
    }
    if not any(requests_by_moment.values()):
        return
    _remove_later_snapshots(context, min(moment for moment, entities in requests_by_moment.items() if entities))
    with (
        child_server.run_server(use_case.name, settings) as server,
        httpx.Client(base_url=server.address, timeout=_SECONDS, trust_env=False) as client,
    ):
        for moment, entities in requests_by_moment.items():
            if not entities:
                continue
            airflow.refresh_live(moment)
            _wait_for_snapshot(client, context.case.name, moment)
            for entity in entities:
                client.post("/score", json={"entities": [entity]}).raise_for_status()
    prediction_log.collect(context.case.name)


def cutoffs_of(context: StepContext, day: date) -> "pd.Series[pd.Timestamp]":
    """Return the live cutoff of each entity of `day`, by entity, in order; entities without an event are left out."""
    tables = table_snapshot.take(context.case, context.settings)
    return feature_step.cutoffs(context.case, tables, str(day), str(day)).sort_values()


def _remove_later_snapshots(context: StepContext, moment: datetime) -> None:
    """Remove the live snapshots after `moment`, such as those of an earlier attempt: the newest one is served."""
    folder = snapshot_archive.folder(context)
    later = {each for each in snapshot_store.nights(folder) if datetime.fromisoformat(each) > moment}
    if later:
        snapshot_store.remove(folder, later)


def _by_moment(due: "pd.Series[pd.Timestamp]", hours: float) -> Iterator[tuple[datetime, Sequence[str]]]:
    """Yield each moment with the entities whose cutoff it is the first to reach; none without entities."""
    previous_moment = datetime.min.replace(tzinfo=UTC)
    for moment in moments(due, hours):
        entities = [str(entity) for entity, cutoff in due.items() if previous_moment < cutoff <= moment]
        if entities:
            yield moment, entities
        previous_moment = moment


def _wait_for_snapshot(client: httpx.Client, model: str, moment: datetime) -> None:
    """Return once the server looks entities up in the snapshot of `moment`; raises SetupError if it never does."""
    patience = Patience(_SECONDS)
    while True:
        state = client.get("/readyz").json().get("horizons", {}).get(model, {})
        if state.get("features_of") == moment.isoformat():
            return
        if patience.is_spent():
            raise SetupError(
                f"expected the server to use the live snapshot of {moment}, {patience}; it reports {state}"
            )
        time.sleep(_POLL_SECONDS)
