"""Rollback drill: measure how long a server takes to answer with the standby model, on a server of its own."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from include.serving import child_server
from include.settings import Settings
from include.steps import release_state
from include.steps.context import StepContext
from include.stores import ledger, routing_store, warehouse
from include.stores.warehouse import Alert, Metric
from ml.rollout.routing import Routing

MAX_SECONDS = 2.0
METRIC = "rollback_seconds"


@dataclass(frozen=True, kw_only=True, slots=True)
class DrillResult:
    """The standby model, and the seconds from the rollback's routing to the first answer of that model."""

    digest: str
    seconds: float


def drill(use_case: str) -> DrillResult | None:
    """Roll back a server started for the drill, and return how long that took; None when there is no standby model.

    Live traffic is not touched. The time is recorded as a metric, and one above `MAX_SECONDS` raises an alert. Raises
    SetupError when the server does not start, or never follows the routing.
    """
    context = StepContext.load(use_case)
    rollout_state = release_state.current(context)
    if rollout_state.champion is None or rollout_state.standby is None:
        return None
    before = Routing(use_case=context.case.name, seq=1, champion=rollout_state.champion, standby=rollout_state.standby)
    with TemporaryDirectory() as folder:
        result = _measure_rollback(before, replace(context.settings, routes=Path(folder), prediction_log=Path(folder)))
    _record(context, result)
    return result


def _measure_rollback(before: Routing, drill_settings: Settings) -> DrillResult:
    """Return how long a server with `drill_settings` takes to switch from the champion of `before` to its standby."""
    assert before.standby is not None
    routing_store.write(before, drill_settings)
    with child_server.run_server(before.use_case, drill_settings) as drill_server:
        child_server.wait_until(
            lambda: _is_serving(drill_server.address, before, before.champion), "the champion's answers"
        )
        started = time.monotonic()
        routing_store.write(replace(before, seq=2, champion=before.standby), drill_settings)
        child_server.wait_until(
            lambda: _is_serving(drill_server.address, before, str(before.standby)),
            "the answers of the standby model",
        )
        return DrillResult(digest=before.standby, seconds=time.monotonic() - started)


def _is_serving(address: str, routing: Routing, digest: str) -> bool:
    """Return whether the server at `address` answers with the package `digest`."""
    response = httpx.get(f"{address}/v2/models/{routing.use_case}", trust_env=False)
    return response.status_code == 200 and response.json()["versions"] == [digest]


def _record(context: StepContext, result: DrillResult) -> None:
    engine = context.engine
    promotion = ledger.champion(engine, context.case.name)
    assert promotion is not None
    assert promotion.night is not None
    night = release_state.latest_night(context, promotion.night)
    metric = Metric(
        use_case=context.case.name,
        night=night,
        model_digest=result.digest,
        slice="all",
        metric=METRIC,
        value=result.seconds,
        n=1,
    )
    warehouse.record_metrics(engine, [metric])
    if result.seconds > MAX_SECONDS:
        message = (
            f"a rollback took {result.seconds:.1f} s in a drill, more than {MAX_SECONDS:g} s: "
            "see docs/concepts/releases.md"
        )
        warehouse.raise_alert(
            engine, Alert(use_case=context.case.name, night=night, kind="drill", subject=result.digest, message=message)
        )
