"""Load test: request every entity of the newest snapshot at a constant rate, and measure the server's latency."""

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
    """The number of requests by HTTP status (0 for none), and their round-trip latency in milliseconds."""

    statuses: dict[int, int]
    p50_ms: float
    p99_ms: float
    seconds: float

    def __str__(self) -> str:
        counts = ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(self.statuses.items()))
        return f"{counts} in {self.seconds:.1f} s; p50 {self.p50_ms:.2f} ms, p99 {self.p99_ms:.2f} ms"


def run(use_case: str, url: str, rate: float, limit: int = 0) -> LoadTestResult:
    """Request the entities of the newest snapshot from the server at `url`, `rate` per second; return the result.

    A request starts when it is due, whether or not earlier ones have ended, so a slow server gets no fewer requests.
    Raises RequestError unless `rate` is positive, and SnapshotError when no night was materialized.
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
    """Return the status of one request, 0 without an answer, and the seconds since it was due."""
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    try:
        status = (await client.post("/score", json={"entities": [entity]})).status_code
    except httpx.TransportError:
        status = 0
    return status, time.perf_counter() - due
