"""Run nights end to end in a running stack, through Airflow's REST API.

`make stack-test` runs `python -m tests.stack.smoke USE_CASE NIGHTS` in a container. It runs the history, the first
model with its release by two approvers, and the nights. Then it checks the results in Postgres, S3, MLflow and the
model server. A run that was stopped continues where it was.
"""

import json
import sys
import time
from datetime import UTC, datetime

import httpx
import numpy as np
import sqlalchemy as sa

from include import usecases
from include.demo import DemoRun, demo_nights
from include.platform.local.airflow_client import Client
from include.platform.local.processes import LocalStack
from include.settings import Settings, load_settings
from include.steps.context import StepContext
from include.steps.features import materialize
from include.stores import ledger, registry, warehouse
from ml.errors import RatchetError, RequestError
from ml.usecase import UseCase
from tests.stack import digests

SERVER = "http://server:8080"
_TIMEOUT_SECONDS, _MAX_ENTITIES = 120.0, 50
_TRIES, _PAUSE_SECONDS = 30, 10.0
# A single row and a batch add products in different orders.
_TOLERANCE = 4 * np.finfo(np.float64).eps
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def main(use_case: str = "flights", max_nights: str = "1", server: str = SERVER) -> None:
    """Run at most `max_nights` nights, check the results, and print digests and seconds."""
    case, settings, progress = usecases.get(use_case), load_settings(), _Progress()
    while not _run_demo(case, settings, int(max_nights), progress):
        time.sleep(_PAUSE_SECONDS)
    results = digests.gather(case, settings) | {
        "registry": check_registry(case, settings),
        "live": check_server(case, settings, server),
    }
    progress(json.dumps(results, indent=1))


def _run_demo(case: UseCase, settings: Settings, max_nights: int, progress: "_Progress") -> bool:
    """Run the demo's nights and return True; return False to retry while Airflow or its database cannot be reached."""
    nights = case.schedule.nights(demo_nights(case))[:max_nights]
    running = LocalStack(settings=settings, token="", task_port=0, processes={}, started=_LONG_AGO)
    try:
        with Client(settings) as client:
            demo = DemoRun(case, running, client, progress, nights)
            demo.prepare()
            demo.bootstrap()
            demo.run_nights(lambda key: progress(f"night {key} is complete"))
            demo.materialize_last_night()
    except (httpx.TransportError, RequestError, sa.exc.OperationalError) as error:
        progress.retry(error)
        return False
    return True


def check_registry(case: UseCase, settings: Settings) -> str:
    """Return a sentence if MLflow has an alias on the champion; otherwise raise RatchetError."""
    champion = ledger.champion(warehouse.engine(settings.warehouse_url), case.name)
    if champion is None or champion.subject not in registry.aliased_digests(settings, case.name):
        raise RatchetError(f"expected an alias of {case.name} in MLflow on the champion {champion}, found none")
    return f"the champion {champion.subject[:12]} has an alias"


def check_server(case: UseCase, settings: Settings, server: str) -> str:
    """Compare the server's scores with the batch's, and return a sentence; raises RatchetError if they differ."""
    snapshot = materialize.open_snapshot_store(StepContext(case=case, settings=settings)).snapshot
    scores = warehouse.latest_scores(warehouse.engine(settings.warehouse_url), case.name).set_index("entity")["score"]
    entities = [each for each in snapshot.row_index if each in scores.index][:_MAX_ENTITIES]
    if not entities:
        raise RatchetError(f"expected entities of the newest snapshot of {case.name} among its scores, found none")
    live = _query_server(server, entities)
    differences = {each: abs(live[each] - float(scores[each])) for each in entities}
    if max(differences.values()) > _TOLERANCE:
        raise RatchetError(
            f"expected the server's scores to equal those of the batch, but they differ by {differences}"
        )
    exact = sum(not each for each in differences.values())
    return f"{len(entities)} scores equal those of the batch, {exact} of them to the last bit"


def _query_server(server: str, entities: list[str]) -> dict[str, float]:
    """Return the server's scores by entity, once it answers; raises RatchetError after a timeout."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        try:
            reply = httpx.post(f"{server}/score", json={"entities": entities}, timeout=10, trust_env=False)
            if reply.status_code == httpx.codes.OK:
                return {each["entity"]: each["score"] for each in reply.json()["answers"]}
            last_error = reply.text[:200]
        except httpx.TransportError as error:
            last_error = str(error)
        if time.monotonic() > deadline:
            raise RatchetError(
                f"expected the server at {server} to answer within {_TIMEOUT_SECONDS:.0f} s, but: {last_error}"
            )
        time.sleep(1)


class _Progress:
    """Prints each message once, with the seconds since the start."""

    def __init__(self) -> None:
        self._started, self._last, self._retries_left = time.monotonic(), "", _TRIES

    def retry(self, error: Exception) -> None:
        """Print the error, or raise it after too many retries."""
        self._retries_left -= 1
        if not self._retries_left:
            raise error
        self(f"retrying in {_PAUSE_SECONDS:g} s: {error}")

    def __call__(self, text: str) -> None:
        if text != self._last:
            print(f"{time.monotonic() - self._started:6.1f} s  {text}", flush=True)  # noqa: T201 - the program's output
        self._last = text


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except RatchetError as error:
        sys.exit(str(error))
