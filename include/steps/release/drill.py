"""A rollback rehearsed: how long a server takes to answer with the model to go back to, on a server of the drill's own."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from include import usecases
from include.serving import child_server
from include.settings import Settings, load_settings
from include.steps import release_state
from include.stores import ledger, routing_store, warehouse
from include.stores.warehouse import Alert, Metric
from ml.rollout.routing import Routing
from ml.usecase import UseCase

BAR_SECONDS = 2.0
SECONDS = "rollback_seconds"


@dataclass(frozen=True, kw_only=True, slots=True)
class Drilled:
    """How many seconds lay between the routing of the rollback and the first answer by the model gone back to."""

    digest: str
    seconds: float


def drill(use_case: str) -> Drilled | None:
    """Roll a server of the drill's own back and return how long that took; None where there is nothing to go back to.

    Nobody's traffic is touched. The time is recorded as a metric, and one above the bar raises an alert. Raises SetupError
    when the server does not start, or never follows.
    """
    case, settings = usecases.get(use_case), load_settings()
    stood = release_state.now(case, settings)
    if stood.champion is None or stood.standby is None:
        return None
    before = Routing(use_case=case.name, seq=1, champion=stood.champion, standby=stood.standby)
    with TemporaryDirectory() as folder:
        drilled = _drilled(before, replace(settings, routes=Path(folder), journal=Path(folder)))
    _record(case, drilled, settings)
    return drilled


def _drilled(before: Routing, apart: Settings) -> Drilled:
    """Return how long a server that follows the routes of `apart` takes from the champion of `before` to its standby."""
    assert before.standby is not None
    routing_store.publish(before, apart)
    with child_server.running(before.use_case, apart) as ours:
        child_server.wait(lambda: _answers(ours.address, before, before.champion), "the champion's answers")
        started = time.monotonic()
        routing_store.publish(replace(before, seq=2, champion=before.standby), apart)
        child_server.wait(
            lambda: _answers(ours.address, before, str(before.standby)), "the answers of the model gone back to"
        )
        return Drilled(digest=before.standby, seconds=time.monotonic() - started)


def _answers(address: str, routing: Routing, digest: str) -> bool:
    """Return whether the package `digest` is the one that answers."""
    told = httpx.get(f"{address}/v2/models/{routing.use_case}", trust_env=False)
    return told.status_code == 200 and told.json()["versions"] == [digest]


def _record(case: UseCase, drilled: Drilled, settings: Settings) -> None:
    engine = warehouse.engine(settings.warehouse_url)
    crowned = ledger.champion(engine, case.name)
    assert crowned is not None
    assert crowned.night is not None
    night = release_state.latest(case, crowned.night, settings)
    metric = Metric(
        use_case=case.name,
        night=night,
        model_digest=drilled.digest,
        slice="all",
        metric=SECONDS,
        value=drilled.seconds,
        n=1,
    )
    warehouse.record_metrics(engine, [metric])
    if drilled.seconds > BAR_SECONDS:
        message = (
            f"a rollback took {drilled.seconds:.1f} s in a drill, more than {BAR_SECONDS:g} s: see docs/release.md"
        )
        warehouse.raise_alert(
            engine, Alert(use_case=case.name, night=night, kind="drill", subject=drilled.digest, message=message)
        )
