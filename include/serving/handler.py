"""Score the rows of a request, in any protocol, explain the scores if requested, and log every prediction."""

import logging
import math
import queue
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec.structs import replace

from include.serving import explanations
from include.serving.config import ServingConfig
from include.serving.explanations import Explanation
from include.serving.metrics import Metrics
from include.serving.model_pool import LoadedModel, ModelPool, ServingState
from include.stores.request_log import RequestLog
from include.stores.snapshot_store import SnapshotRef
from ml.arrays import Floats
from ml.errors import RatchetError, ScoreRequestError, SnapshotError, UnknownEntityError
from ml.features import snapshots
from ml.features.snapshots import FeatureSnapshot
from ml.rollout.routing import Route
from ml.scoring import request_schema
from ml.scoring.request_schema import Row

if TYPE_CHECKING:
    import pandas as pd

_IDLE_SECONDS = 0.2
_LOG = logging.getLogger(__name__)


class PredictionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The logged record of one row. `at` is in seconds since 1970; `score` is None if there was a `fault`.

    `request` is the server's id of the request, `client_request` the client's own, if it sent one. `row_index` is the
    position of the row among all rows of the request. `night` is the night of the feature snapshot that the server had.
    If the features of an entity were looked up, `snapshot` is the version of the snapshot, and `sent` has the features
    that the request gave another value.
    """

    request: str
    client_request: str | None = None
    row_index: int = msgspec.field(name="place")
    at: float
    protocol: str
    entity: str | None
    package: str
    route: Route
    score: float | None
    fault: str | None
    latency_ms: float
    night: str | None
    snapshot: str | None = None
    sent: list[str] = []
    features: dict[str, object]


class ScoreRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed request: its id, its protocol, its rows with the entity of each, and its start (`time.perf_counter`).

    The server makes `request_id`, so that no client chooses its route; `client_id` is the client's, to be logged.
    `package` is the digest of the package that the client requests; None lets the routing decide. Each score is
    explained by `explain` features; 0 is not at all. `positions` are those of the rows in the client's request, if these
    are not all of its rows.
    """

    request_id: str
    protocol: str
    rows: Sequence[Row]
    entities: Sequence[str | None]
    started: float
    client_id: str | None = None
    package: str | None = None
    explain: int = 0
    positions: Sequence[int] | None = None

    @classmethod
    def from_rows(cls, rows: Sequence[Row], **fields: Any) -> "ScoreRequest":
        """Return the request of `rows` with the other `fields`.

        Raises ScoreRequestError when the entity of a row is not a text.
        """
        return cls(rows=rows, entities=[request_schema.entity_key(row) for row in rows], **fields)


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """The score of one row, with the package and the route that gave it, and its explanation if requested.

    `horizon` is that of the model, if the server has several, and `horizon_reason` says why it is not a live one, if
    the server chose it.
    """

    entity: str | None
    score: float
    package: str
    route: Route
    explanation: Explanation | None = None
    horizon: str | None = None
    horizon_reason: str | None = None


class _Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The rows with their features completed for a package, and its scores, or the fault that prevented them.

    `snapshot` is what entities were looked up in.
    `seconds` lie between the start of the request and the scores; explaining them takes further time.
    """

    rows: Sequence[dict[str, object]]
    snapshot: tuple[FeatureSnapshot, SnapshotRef] | None
    scores: Sequence[float | None]
    seconds: float
    explanations: Sequence[Explanation | None]
    fault: Exception | None = None


class RequestHandler:
    """Scores requests with the models of the pool.

    While there is a shadow, a copy of each request is scored in the background by the model that did not answer it.
    """

    def __init__(self, pool: ModelPool, request_log: RequestLog, metrics: Metrics, config: ServingConfig) -> None:
        self._pool, self._request_log, self._metrics, self._config = pool, request_log, metrics, config
        self._shadow_queue: queue.Queue[tuple[ServingState, ScoreRequest, Sequence[Route]]] = queue.Queue(
            config.shadow_waiting
        )
        self._closed = False
        self._shadow_thread = threading.Thread(target=self._run_shadow, name="shadow", daemon=True)
        self._shadow_thread.start()

    def answer(self, request: ScoreRequest) -> list[Prediction]:
        """Return the prediction of each row, in order, after it was written to the request log.

        Raises ScoreRequestError when a row does not have the features of the model (UnknownEntityError when its entity
        is not in the snapshot), SetupError while there is no champion, and SnapshotError while there is no snapshot.
        """
        serving = self._pool.serving
        self.check_size(request)
        routes = _routes(serving, request)
        answers: dict[int, Prediction] = {}
        for route in set(routes):
            indexes = [index for index, each in enumerate(routes) if each is route]
            answers.update(zip(indexes, self._answer(serving, route, request, indexes), strict=True))
        if serving.routing.shadow:
            self._enqueue_shadow(serving, request, routes)
        return [answers[index] for index in range(len(routes))]

    def check_size(self, request: ScoreRequest) -> None:
        """Raise ScoreRequestError when a request has too many rows, in all or to explain."""
        if len(request.rows) > self._config.rows:
            raise ScoreRequestError(
                f"expected at most {self._config.rows} rows, got {len(request.rows)}: send several requests"
            )
        if request.explain and len(request.rows) > self._config.explained_rows:
            raise ScoreRequestError(
                f"expected at most {self._config.explained_rows} rows to explain, got {len(request.rows)}: send several "
                "requests"
            )

    def needs_thread(self, request: ScoreRequest) -> bool:
        """Return whether the request would block others: many rows, explanations, or a remote challenger."""
        serving = self._pool.serving
        return (
            len(request.rows) > self._config.inline_rows
            or request.explain > 0
            or (serving.has_remote_challenger and Route.CANARY in _routes(serving, request))
        )

    def close(self) -> None:
        """Score the copies in the shadow queue, and stop."""
        self._closed = True
        self._shadow_thread.join()

    def _answer(
        self, serving: ServingState, route: Route, request: ScoreRequest, indexes: Sequence[int]
    ) -> list[Prediction]:
        """Return the predictions of `route` for the rows at `indexes`, or the champion's if the challenger fails."""
        loaded = serving.model_for(route)
        attempt = self._attempt(loaded, request, indexes, explain=request.explain)
        if attempt.fault is None:
            self._log_predictions(loaded, route, request, indexes, attempt)
            return [
                Prediction(
                    entity=request.entities[index],
                    score=score,
                    package=loaded.digest,
                    route=route,
                    explanation=explanation,
                )
                for index, score, explanation in zip(indexes, attempt.scores, attempt.explanations, strict=True)
                if score is not None
            ]
        if route is Route.CHAMPION:
            raise attempt.fault
        answers = self._answer(serving, Route.CHAMPION, request, indexes)
        self._log_predictions(loaded, route, request, indexes, attempt)
        return answers

    def _attempt(
        self, loaded: LoadedModel, request: ScoreRequest, indexes: Sequence[int], *, explain: int = 0
    ) -> _Attempt:
        rows: list[dict[str, object]] = []
        nothing, snapshot = [None] * len(indexes), loaded.snapshot_store.current
        try:
            rows.extend(
                loaded.input_schema.complete(request.rows[each], _lookup_features(snapshot, request.entities[each]))
                for each in indexes
            )
            scores, seconds = _scores(loaded, rows, self._config.inline_rows), time.perf_counter() - request.started
            explained = self._explain(loaded, request, indexes, rows, explain) if explain else nothing
            return _Attempt(rows=rows, snapshot=snapshot, scores=scores, seconds=seconds, explanations=explained)
        except Exception as fault:  # noqa: BLE001 - whatever a challenger raises, the champion answers
            return _Attempt(
                rows=[*rows, *({} for _ in indexes[len(rows) :])],
                snapshot=snapshot,
                scores=nothing,
                seconds=time.perf_counter() - request.started,
                explanations=nothing,
                fault=fault,
            )

    def _explain(
        self,
        loaded: LoadedModel,
        request: ScoreRequest,
        indexes: Sequence[int],
        rows: Sequence[dict[str, object]],
        size: int,
    ) -> list[Explanation | None]:
        """Return the explanation of each completed row, with the values that may be shown to the client.

        These are the values that the client sent itself, and looked-up ones only if the snapshot allows it.
        """
        started = time.perf_counter()
        if loaded.remote is not None:
            explained = loaded.remote.explanations(rows, size)
        else:
            explained = explanations.explain(loaded.model, _encode(loaded, rows, self._config.inline_rows), size)
        self._metrics.explanation_seconds.observe(time.perf_counter() - started)
        snapshot = loaded.snapshot_store.served
        allowed = snapshots.shown_features(snapshot) if snapshot else frozenset[str]()
        return [
            explanations.show_values(each, row, allowed.union(request.rows[index]))
            for each, row, index in zip(explained, rows, indexes, strict=True)
        ]

    def _log_predictions(
        self, loaded: LoadedModel, route: Route, request: ScoreRequest, indexes: Sequence[int], attempt: _Attempt
    ) -> None:
        """Write a record for each row, with its score or with the fault that prevented it."""
        night = attempt.snapshot[0].facts.get("night") if attempt.snapshot else None
        version = attempt.snapshot[1].folder if attempt.snapshot else None
        fault = None if attempt.fault is None else f"{type(attempt.fault).__name__}: {attempt.fault}"
        for index, row, score in zip(indexes, attempt.rows, attempt.scores, strict=True):
            record = PredictionRecord(
                request=request.request_id,
                client_request=request.client_id,
                row_index=index if request.positions is None else request.positions[index],
                at=time.time(),
                protocol=request.protocol,
                entity=request.entities[index],
                package=loaded.digest,
                route=route,
                score=score,
                fault=fault,
                latency_ms=attempt.seconds * 1000,
                night=str(night) if night else None,
                snapshot=version if request.entities[index] is not None else None,
                sent=_sent(request, index),
                features=row,
            )
            self._request_log.append(msgspec.json.encode(record))
        self._metrics.count_answers(route, loaded.digest, attempt.seconds, len(indexes), failed=fault is not None)

    def _enqueue_shadow(self, serving: ServingState, request: ScoreRequest, routes: Sequence[Route]) -> None:
        try:
            self._shadow_queue.put_nowait((serving, request, routes))
        except queue.Full:
            self._metrics.shadows_dropped.inc(len(request.rows))

    def _run_shadow(self) -> None:
        """Score copies until closed, whatever goes wrong with one of them."""
        while not (self._closed and self._shadow_queue.empty()):
            try:
                serving, request, routes = self._shadow_queue.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                continue
            try:
                self._score_copy(serving, request, routes)
            except Exception:  # noqa: BLE001 - the thread must go on, or no later request would be copied
                self._metrics.shadows_dropped.inc(len(request.rows))
                _LOG.exception("a copy of the request %s could not be scored", request.request_id)

    def _score_copy(self, serving: ServingState, request: ScoreRequest, routes: Sequence[Route]) -> None:
        """Score each row of a request with the model that did not answer it, and log the predictions."""
        copy = replace(request, started=time.perf_counter())
        for answered_route, shadow_route in ((Route.CHAMPION, Route.SHADOW), (Route.CANARY, Route.CHAMPION)):
            loaded = serving.model_for(shadow_route)
            indexes = [index for index, each in enumerate(routes) if each is answered_route]
            if indexes:
                self._log_predictions(loaded, Route.SHADOW, copy, indexes, self._attempt(loaded, copy, indexes))


def _routes(serving: ServingState, request: ScoreRequest) -> list[Route]:
    """Return the route of each row; raises UnknownEntityError when the client requests a package that is not routed."""
    if request.package is None:
        return [serving.routing.route(entity or request.request_id) for entity in request.entities]
    active_packages = {serving.routing.package(each): each for each in (Route.CANARY, Route.CHAMPION)}
    if request.package not in active_packages or request.package not in serving.loaded:
        raise UnknownEntityError(
            f"expected the version {serving.routing.champion}, which is served now, got {request.package[:64]!r}"
        )
    return [active_packages[request.package]] * len(request.rows)


def _sent(request: ScoreRequest, index: int) -> list[str]:
    """Return the features that the row of an entity sends itself; none for a row without an entity, which sends all."""
    if request.entities[index] is None:
        return []
    return [name for name in request.rows[index] if name != request_schema.ENTITY]


def _lookup_features(current: tuple[FeatureSnapshot, SnapshotRef] | None, entity: str | None) -> Row | None:
    """Return the features of `entity` in the snapshot; None for a row without an entity."""
    if entity is None:
        return None
    if current is None:
        raise SnapshotError(
            "expected a feature snapshot to look up entities in, but there is none yet: send the features, or try later"
        )
    snapshot, _ = current
    features = snapshot.lookup(entity)
    if features is None:
        raise UnknownEntityError(
            f"{request_schema.truncate(entity)} is none of the {len(snapshot.row_index)} entities of "
            f"{snapshot.facts.get('night')}: send its features instead"
        )
    return features


def _scores(loaded: LoadedModel, rows: Sequence[dict[str, object]], inline_rows: int) -> list[float]:
    """Return the score of each row; raises RatchetError when a score is not a finite number."""
    if loaded.remote is not None:
        scores = loaded.remote.scores(rows)
    elif len(rows) <= inline_rows:
        scores = [loaded.model.predict_row(row) for row in rows]
    else:
        scores = loaded.model.predict(_frame(loaded, rows)).tolist()
    if all(map(math.isfinite, scores)):
        return scores
    raise RatchetError(f"package {loaded.digest[:12]} gave a score that is not a number: roll back")


def _encode(loaded: LoadedModel, rows: Sequence[dict[str, object]], inline_rows: int) -> Floats:
    """Return the encoded rows, as `_scores` encodes them."""
    encoder = loaded.model.encoder
    if len(rows) <= inline_rows:
        return np.concatenate([encoder.encode_row(row) for row in rows])
    return encoder.encode(_frame(loaded, rows))


def _frame(loaded: LoadedModel, rows: Sequence[dict[str, object]]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(rows, columns=list(loaded.input_schema.is_text))
