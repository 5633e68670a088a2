"""Load test: request entities from a running server at a constant rate, as clients do, and report what they get.

The entities are those of the newest snapshot; at a live horizon, those that are between their cutoff and their event as
of that snapshot. With a night that is over, its live day is replayed: the snapshot of each moment is published, and
each entity is requested at the first moment that its cutoff is reached.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import numpy as np

from include import usecases
from include.steps.context import NightContext, StepContext
from include.steps.features import materialize, snapshot_archive
from include.steps.ingest import intraday
from include.steps.score import live_traffic, prediction_log
from include.stores import lake, snapshot_store
from ml.errors import RequestError
from ml.features import snapshots
from ml.features.snapshots import FeatureSnapshot
from ml.usecase import Live, model_names, periods

_SECONDS, _AT_ONCE = 10.0, 64
_NIGHT = "night"
_VARIABLE_PARTS = re.compile(r"'[^']*'|[0-9][0-9:.-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What a client got: the status (0 without an answer), and the seconds since the request was due.

    An answer has its `request` id, `horizon` and `route`. `reason` is why it was refused, or why the night's model
    answered.
    """

    entity: str
    status: int
    seconds: float
    request: str | None = None
    horizon: str | None = None
    route: str | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Percentiles:
    """The median and the 99th percentile of some milliseconds."""

    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        return f"p50 {self.p50_ms:.2f} ms, p99 {self.p99_ms:.2f} ms"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadTestResult:
    """The responses, the seconds in which they were requested, and their latencies.

    `in_server` is the server's own time, from the request to the score, as in the prediction log; None if the log of
    this home has none of the answers.
    """

    responses: Sequence[Response]
    seconds: float
    round_trip: Percentiles
    in_server: Percentiles | None

    @property
    def statuses(self) -> dict[int, int]:
        """The number of requests by HTTP status, 0 for none."""
        return dict(Counter(each.status for each in self.responses))

    @property
    def answered(self) -> dict[tuple[str, str], int]:
        """The number of answers by horizon and route."""
        return dict(Counter((each.horizon, each.route) for each in self.responses if each.horizon and each.route))

    def __str__(self) -> str:
        counts = ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(self.statuses.items()))
        in_server = f"in the server {self.in_server}" if self.in_server else "the prediction log here has no answer"
        lines = [f"{counts} in {self.seconds:.1f} s; {self.round_trip}; {in_server}"]
        lines += [
            f"{count} answered by the {route} of the horizon {horizon}"
            for (horizon, route), count in sorted(self.answered.items())
        ]
        for (status, _), group in sorted(_group_by_reason(self.responses).items()):
            what = "answered by the model of the night" if status == 200 else f"x {status}"
            lines.append(f"{len(group)} {what}, such as {group[0].entity}: {group[0].reason}")
        return "\n".join(lines)


def _group_by_reason(responses: Sequence[Response]) -> dict[tuple[int, str], list[Response]]:
    """Return the responses with a reason, by status and reason without the names and numbers in it."""
    groups: dict[tuple[int, str], list[Response]] = {}
    for each in responses:
        if each.reason is not None:
            kind = _VARIABLE_PARTS.sub("", each.reason.replace(each.entity, ""))
            groups.setdefault((each.status, kind), []).append(each)
    return groups


def run(
    use_case: str,
    url: str,
    rate: float,
    limit: int = 0,
    night: str | None = None,
    show: Callable[[str], None] = lambda _: None,
) -> LoadTestResult:
    """Request entities of the model `use_case` from the server at `url`, `rate` per second; return the result.

    A request starts when it is due, whether or not earlier ones have ended, so a slow server gets no fewer requests.
    With `night`, the live day of this night is replayed, and `show` is called with each moment. The server must read the
    feature store of this home. Raises RequestError unless `rate` is positive and there are entities to request, and for
    a night that must not be replayed; SnapshotError when there is no snapshot, and SetupError when the server does not
    follow the replay.
    """
    if rate <= 0:
        raise RequestError(f"expected a rate above 0 requests a second, got {rate}")
    context = StepContext.load(use_case)
    if night is None:
        snapshot = materialize.open_snapshot_store(context).snapshot
        entities = _requestable(context, snapshot)[: limit or None]
        started = time.perf_counter()
        responses = asyncio.run(_request_all(entities, url, rate))
        return _summarize(context, responses, time.perf_counter() - started)
    return _replay(context.at(periods.parse(night).last), url, rate, limit, show)


def _requestable(context: StepContext, snapshot: FeatureSnapshot) -> list[str]:
    """Return the entities of the snapshot; at a live horizon, those between their cutoff and their event."""
    entities = list(snapshot.row_index)
    if isinstance(context.case.horizon, Live):
        as_of = datetime.fromisoformat(str(snapshot.facts[snapshots.AS_OF])).timestamp()
        seconds = 3600 * float(str(snapshot.facts[snapshots.HOURS]))
        cutoffs = {entity: snapshot.cutoff(entity) for entity in entities}
        entities = [
            entity for entity, cutoff in cutoffs.items() if cutoff is not None and 0 <= as_of - cutoff < seconds
        ]
    if not entities:
        raise RequestError(
            f"expected entities between their cutoff and their event in the newest live snapshot of {context.case.name}, "
            f"of {snapshot.facts.get(snapshots.AS_OF)}, got none: wait for the next one, or replay a night with --night"
        )
    return entities


def _replay(context: NightContext, url: str, rate: float, limit: int, show: Callable[[str], None]) -> LoadTestResult:
    """Publish the snapshot of each moment of a night that is over, and request the entities that are due then."""
    live = context.case.horizon
    if not isinstance(live, Live):
        names = [each.name for each in usecases.get(context.case.dataset).models[1:]]
        raise RequestError(
            f"expected a model of a live horizon, whose day can be replayed, got {context.case.name}: "
            + (f"name {' or '.join(names)}, or leave --night out" if names else "leave --night out")
        )
    cutoffs = live_traffic.cutoffs(context)
    _check_replayable(context, cutoffs.max().to_pydatetime() + timedelta(hours=live.hours) if len(cutoffs) else None)
    responses: list[Response] = []
    seconds = 0.0
    with httpx.Client(base_url=url, timeout=_SECONDS, trust_env=False) as client:
        if context.case.name not in (served := live_traffic.served_models(client)):
            raise RequestError(
                f"expected a server of {context.case.name}, but the one at {url} has {' and '.join(served) or 'no horizon'}"
            )
        due = list(live_traffic.due_by_moment(cutoffs.head(limit or len(cutoffs)), live.hours))
        live_traffic.remove_snapshots_since(context, due[0][0])
        for moment, entities in due:
            show(f"{moment:%Y-%m-%d %H:%M} UTC, entities requested: {len(entities)}")
            intraday.refresh(context.case.dataset, moment)
            live_traffic.wait_for_snapshot(client, context.case.name, moment)
            started = time.perf_counter()
            responses += asyncio.run(_request_all(entities, url, rate))
            seconds += time.perf_counter() - started
    return _summarize(context, responses, seconds)


def _check_replayable(context: NightContext, ends: datetime | None) -> None:
    """Raise RequestError unless the night is over and servers answer from no later night, which they would go back from.

    `ends` is the last event of the night; None if it has no entities.
    """
    landed = lake.nights(lake.address(context.settings.lake, context.case.dataset, "valid", context.case.entities))
    if ends is None or context.night not in landed:
        raise RequestError(f"expected a night of {context.case.dataset} that has landed, got {context.night}")
    if max(landed) <= context.night:
        raise RequestError(
            f"expected a night that is over, got {context.night}, after which none has landed: servers may be answering "
            "from its live snapshots, so leave --night out"
        )
    newest = snapshot_store.newest(snapshot_archive.folder(context))
    if newest is not None and datetime.fromisoformat(newest.night) > ends:
        raise RequestError(
            f"servers answer from the live snapshot of {newest.night}, and a replay of {context.night} would take them "
            "back: replay a later night, or in a copy of this home"
        )


async def _request_all(entities: Sequence[str], url: str, rate: float) -> list[Response]:
    limits = httpx.Limits(max_connections=_AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=_SECONDS, limits=limits, trust_env=False) as client:
        started = time.perf_counter()
        requests = [_request(client, entity, started + n / rate) for n, entity in enumerate(entities)]
        return await asyncio.gather(*requests)


async def _request(client: httpx.AsyncClient, entity: str, due: float) -> Response:
    """Return the response to a request of `entity`, which starts when it is due (`time.perf_counter`)."""
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    try:
        reply = await client.post("/score", json={"entities": [entity]})
    except httpx.TransportError:
        return Response(entity=entity, status=0, seconds=time.perf_counter() - due)
    seconds = time.perf_counter() - due
    return Response(entity=entity, status=reply.status_code, seconds=seconds, **_content(reply))


def _content(reply: httpx.Response) -> dict[str, Any]:
    """Return the fields of a `Response` that are in the body of a reply; none if another program sent it."""
    try:
        body = reply.json()
        if reply.is_error:
            return {"reason": str(body["error"])}
        (answer,) = body["answers"]
        return {
            "request": body["request_id"],
            "horizon": answer.get("horizon"),
            "route": answer["route"],
            "reason": answer.get("horizon_reason"),
        }
    except (ValueError, LookupError, TypeError):
        return {}


def _summarize(context: StepContext, responses: Sequence[Response], seconds: float) -> LoadTestResult:
    """Return the result; a server of one model does not name the horizon, which is that of the context."""
    horizon = model_names.split(context.case.name)[1] or _NIGHT
    responses = [replace(each, horizon=each.horizon or horizon) if each.route else each for each in responses]
    milliseconds = _latencies_in_server(context, {each.request for each in responses if each.request})
    return LoadTestResult(
        responses=responses,
        seconds=seconds,
        round_trip=_percentiles([1000 * each.seconds for each in responses]),
        in_server=_percentiles(milliseconds) if milliseconds else None,
    )


def _latencies_in_server(context: StepContext, requests: Collection[str]) -> list[float]:
    """Return the logged milliseconds of each answer to `requests`, of the models of all horizons."""
    milliseconds: list[float] = []
    for model in usecases.get(context.case.dataset).models if requests else ():
        prediction_log.collect(model.name)
        milliseconds += prediction_log.latencies(StepContext(case=model, settings=context.settings), requests)
    return milliseconds


def _percentiles(milliseconds: Sequence[float]) -> Percentiles:
    p50, p99 = np.quantile(milliseconds, [0.5, 0.99])
    return Percentiles(p50_ms=float(p50), p99_ms=float(p99))
