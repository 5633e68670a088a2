"""The traffic of a live horizon: which entities clients ask for at which moments of a night, and the snapshots of then.

A moment is in the time of the data. Each entity is asked for at the first moment that its cutoff is reached.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pandas as pd

from include.patience import Patience
from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.features import snapshot_archive
from include.stores import snapshot_store, table_snapshot
from ml.errors import SetupError

_STEP = timedelta(minutes=15)
_SPACING = 0.75  # of the hours between a cutoff and its event
_SECONDS, _POLL_SECONDS = 60.0, 0.05


def moments(night_cutoffs: "pd.Series[pd.Timestamp]", hours: float) -> tuple[datetime, ...]:
    """Return the moments of the refreshes, on full quarters of an hour, until the last cutoff is reached.

    They are less than `hours` apart, so that each entity is asked for between its cutoff and its event.

    >>> [str(each)[11:16] for each in moments(pd.Series(pd.to_datetime(["2013-02-08 09:50Z", "2013-02-08 13:40Z"])), 2)]
    ['10:00', '11:30', '13:00', '14:30']
    """
    spacing = max(pd.Timedelta(hours=_SPACING * hours).floor(_STEP), pd.Timedelta(_STEP))
    first, last = night_cutoffs.min().ceil(_STEP), night_cutoffs.max().ceil(_STEP)
    return tuple(each.to_pydatetime() for each in pd.date_range(first, last + spacing, freq=spacing, inclusive="left"))


def due_by_moment(night_cutoffs: "pd.Series[pd.Timestamp]", hours: float) -> Iterator[tuple[datetime, Sequence[str]]]:
    """Yield each moment with the entities whose cutoff it is the first to reach; none without entities."""
    previous_moment = datetime.min.replace(tzinfo=UTC)
    for moment in moments(night_cutoffs, hours):
        entities = [str(entity) for entity, cutoff in night_cutoffs.items() if previous_moment < cutoff <= moment]
        if entities:
            yield moment, entities
        previous_moment = moment


def cutoffs(context: NightContext) -> "pd.Series[pd.Timestamp]":
    """Return the cutoff of each entity of the night at the live horizon, by entity, in order of time."""
    tables, night = table_snapshot.take(context.case, context.settings), str(context.night)
    return feature_step.cutoffs(context.case, tables, night, night).sort_values()


def remove_snapshots_since(context: StepContext, moment: datetime) -> None:
    """Remove the live snapshots from `moment` on, such as those of an earlier attempt: the newest one is served."""
    folder = snapshot_archive.folder(context)
    later = {each for each in snapshot_store.nights(folder) if datetime.fromisoformat(each) >= moment}
    if later:
        snapshot_store.remove(folder, later)


def wait_for_snapshot(client: httpx.Client, model: str, moment: datetime) -> None:
    """Return once the server looks entities up in the snapshot of `moment`; raises SetupError if it never does."""
    patience = Patience(_SECONDS)
    while True:
        try:
            state: object = served_models(client).get(model, {})
            if isinstance(state, Mapping) and state.get("features_of") == moment.isoformat():
                return
        except SetupError as error:
            state = str(error)
        if patience.is_spent():
            raise SetupError(
                f"expected the server to use the live snapshot of {moment}, {patience}; it reports {state}"
            )
        time.sleep(_POLL_SECONDS)


def served_models(client: httpx.Client) -> Mapping[str, Mapping[str, Any]]:
    """Return what the server reports of each model, by name; raises SetupError when no server is ready there."""
    try:
        state = client.get("/readyz").json()
        ready, faults = state["ready"], state["faults"]
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        raise SetupError(
            f"expected a model server at {client.base_url}, but: {error!r}; `make up` or `ratchet serve` starts one, "
            "and --to is its address"
        ) from None
    if not ready:
        raise SetupError(f"expected the model server at {client.base_url} to be ready, but: {'; '.join(faults)}")
    horizons: Mapping[str, Mapping[str, Any]] = state.get("horizons", {})
    return horizons
