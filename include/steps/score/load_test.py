"""Live requests for every entity of the newest snapshot, each at its moment, and how the server did."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

import httpx
import numpy as np

from include.steps.context import StepContext
from include.steps.features import materialize
from ml.errors import RequestError

_SECONDS, _AT_ONCE = 10.0, 64


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadTestResult:
    """How many requests got which status, and their latency in milliseconds, that of the way there and back included."""

    statuses: dict[int, int]
    p50_ms: float
    p99_ms: float
    seconds: float

    def __str__(self) -> str:
        counts = ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(self.statuses.items()))
        return f"{counts} in {self.seconds:.1f} s; p50 {self.p50_ms:.2f} ms, p99 {self.p99_ms:.2f} ms"


def run(use_case: str, url: str, rate: float, limit: int = 0) -> LoadTestResult:
    """Ask the server at `to` about the entities of the newest snapshot, `rate` a second, and return how it did.

    Requests begin when they are due, whether or not those before have ended: a slow server is asked no slower. Raises
    RequestError for a rate that is none, SnapshotError when no night was materialized.
    """
    if rate <= 0:
        raise RequestError(f"expected a rate above 0 requests a second, got {rate}")
    context = StepContext.load(use_case)
    entities = list(materialize.open_snapshot_store(context).snapshot.row_index)[: limit or None]
    return asyncio.run(_run(entities, url, rate))


async def _run(entities: list[str], url: str, rate: float) -> LoadTestResult:
    limits = httpx.Limits(max_connections=_AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=_SECONDS, limits=limits, trust_env=False) as client:
        started = time.perf_counter()
        requests = [_request(client, entity, started + n / rate) for n, entity in enumerate(entities)]
        responses = await asyncio.gather(*requests)
    latencies = np.array([latency for _, latency in responses]) * 1000
    p50, p99 = np.quantile(latencies, [0.5, 0.99])
    return LoadTestResult(
        statuses=dict(Counter(status for status, _ in responses)),
        p50_ms=float(p50),
        p99_ms=float(p99),
        seconds=time.perf_counter() - started,
    )


async def _request(client: httpx.AsyncClient, entity: str, due: float) -> tuple[int, float]:
    """Return the status of one request, 0 where there was no answer, and how long it took since it was due."""
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    try:
        status = (await client.post("/score", json={"entities": [entity]})).status_code
    except httpx.TransportError:
        status = 0
    return status, time.perf_counter() - due
