"""The one handler: rows in, scores out, every one of them in the journal; whichever protocol asks."""

import math
import queue
import threading
import time
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from include.serving.config import ServingConfig
from include.serving.metrics import Metrics
from include.serving.model_pool import LoadedModel, ModelPool, ServingState
from include.stores.request_log import RequestLog
from ml.errors import RatchetError, ScoreRequestError, SnapshotError, UnknownEntityError
from ml.rollout.routing import Route
from ml.scoring import request_schema
from ml.scoring.request_schema import Row

_IDLE_SECONDS = 0.2


class PredictionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal has of one answer: `at` in seconds since 1970, `score` None where there was a `fault`.

    `night` is that of the snapshot that the server had.
    """

    request: str
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
    features: dict[str, object]


class ScoreRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request: its id, the protocol that it came by, its rows and whom each is about, and when it came (`perf_counter`).

    `package` is the digest that the client wants to answer, None for whoever is to.
    """

    request_id: str
    protocol: str
    rows: Sequence[Row]
    entities: Sequence[str | None]
    started: float
    package: str | None = None

    @classmethod
    def from_rows(
        cls, request_id: str, protocol: str, rows: Sequence[Row], started: float, package: str | None = None
    ) -> "ScoreRequest":
        """Return the request; raises QuestionError when a row names its entity by something else than a text."""
        entities = [request_schema.entity_key(row) for row in rows]
        return cls(
            request_id=request_id, protocol=protocol, rows=rows, entities=entities, started=started, package=package
        )


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """The score of one row, and by which package on which route."""

    entity: str | None
    score: float
    package: str
    route: Route


class _Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The rows as a package took them, and its scores, or the fault for which there are none."""

    rows: Sequence[dict[str, object]]
    scores: Sequence[float | None]
    fault: Exception | None = None


class RequestHandler:
    """Answers from what the fleet has. While there is a shadow, whoever did not answer answers a copy, for which nobody waits."""

    def __init__(self, pool: ModelPool, journal: RequestLog, metrics: Metrics, config: ServingConfig) -> None:
        self._pool, self._journal, self._metrics, self._config = pool, journal, metrics, config
        self._shadow_queue: queue.Queue[tuple[ServingState, ScoreRequest, Sequence[Route]]] = queue.Queue(
            config.shadow_waiting
        )
        self._closed = False
        self._shadow_thread = threading.Thread(target=self._run_shadow, name="shadow", daemon=True)
        self._shadow_thread.start()

    def answer(self, request: ScoreRequest) -> list[Prediction]:
        """Return the answer to each row, in order, once it is in the journal.

        Raises QuestionError when a row does not have what the model takes (AbsentError: an entity that is not known),
        SetupError while there is no champion, SnapshotError while there is nothing to look entities up in.
        """
        serving = self._pool.serving
        if len(request.rows) > self._config.rows:
            raise ScoreRequestError(
                f"expected at most {self._config.rows} rows, got {len(request.rows)}: ask in several requests"
            )
        routes = _routes(serving, request)
        answers: dict[int, Prediction] = {}
        for route in set(routes):
            indexes = [index for index, each in enumerate(routes) if each is route]
            answers.update(zip(indexes, self._answer(serving, route, request, indexes), strict=True))
        if serving.routing.shadow:
            self._enqueue_shadow(serving, request, routes)
        return [answers[index] for index in range(len(routes))]

    def needs_thread(self, request: ScoreRequest) -> bool:
        """Say whether some of the answers come from elsewhere, or are too many to give between two requests."""
        serving = self._pool.serving
        return len(request.rows) > self._config.inline_rows or (
            serving.has_remote_challenger and Route.CANARY in _routes(serving, request)
        )

    def close(self) -> None:
        """Answer the copies that wait, and stop."""
        self._closed = True
        self._shadow_thread.join()

    def _answer(
        self, serving: ServingState, route: Route, request: ScoreRequest, indexes: Sequence[int]
    ) -> list[Prediction]:
        """Return the answers of `route` to the rows at `places`; where the challenger has none, those of the champion."""
        loaded = serving.model_for(route)
        attempt = self._attempt(loaded, request, indexes)
        if attempt.fault is None:
            self._log_predictions(loaded, route, request, indexes, attempt)
            return [
                Prediction(entity=request.entities[index], score=score, package=loaded.digest, route=route)
                for index, score in zip(indexes, attempt.scores, strict=True)
                if score is not None
            ]
        if route is Route.CHAMPION:
            raise attempt.fault
        answers = self._answer(serving, Route.CHAMPION, request, indexes)
        self._log_predictions(loaded, route, request, indexes, attempt)
        return answers

    def _attempt(self, loaded: LoadedModel, request: ScoreRequest, indexes: Sequence[int]) -> _Attempt:
        rows: list[dict[str, object]] = []
        try:
            rows.extend(
                loaded.input_schema.complete(request.rows[each], _lookup_features(loaded, request.entities[each]))
                for each in indexes
            )
            return _Attempt(rows=rows, scores=_scores(loaded, rows, self._config.inline_rows))
        except Exception as fault:  # noqa: BLE001 - whatever a challenger does, the champion answers
            return _Attempt(
                rows=[*rows, *({} for _ in indexes[len(rows) :])], scores=[None] * len(indexes), fault=fault
            )

    def _log_predictions(
        self, loaded: LoadedModel, route: Route, request: ScoreRequest, indexes: Sequence[int], attempt: _Attempt
    ) -> None:
        """Write a record for each row: of its score, or of the fault for which there is none."""
        seconds = time.perf_counter() - request.started
        night = loaded.snapshot_store.served.facts.get("night") if loaded.snapshot_store.served else None
        fault = None if attempt.fault is None else f"{type(attempt.fault).__name__}: {attempt.fault}"
        for index, row, score in zip(indexes, attempt.rows, attempt.scores, strict=True):
            record = PredictionRecord(
                request=request.request_id,
                row_index=index,
                at=time.time(),
                protocol=request.protocol,
                entity=request.entities[index],
                package=loaded.digest,
                route=route,
                score=score,
                fault=fault,
                latency_ms=seconds * 1000,
                night=str(night) if night else None,
                features=row,
            )
            self._journal.append(msgspec.json.encode(record))
        self._metrics.count_answers(route, loaded.digest, seconds, len(indexes), failed=fault is not None)

    def _enqueue_shadow(self, serving: ServingState, request: ScoreRequest, routes: Sequence[Route]) -> None:
        try:
            self._shadow_queue.put_nowait((serving, request, routes))
        except queue.Full:
            self._metrics.shadows_dropped.inc(len(request.rows))

    def _run_shadow(self) -> None:
        while not (self._closed and self._shadow_queue.empty()):
            try:
                serving, request, routes = self._shadow_queue.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                continue
            copy = replace(request, started=time.perf_counter())
            for answered_route, shadow_route in ((Route.CHAMPION, Route.SHADOW), (Route.CANARY, Route.CHAMPION)):
                loaded, indexes = (
                    serving.model_for(shadow_route),
                    [index for index, each in enumerate(routes) if each is answered_route],
                )
                if indexes:
                    self._log_predictions(loaded, Route.SHADOW, copy, indexes, self._attempt(loaded, copy, indexes))


def _routes(serving: ServingState, request: ScoreRequest) -> list[Route]:
    """Return who answers each row; raises AbsentError when the client wants a package that does not answer."""
    if request.package is None:
        return [serving.routing.route(entity or request.request_id) for entity in request.entities]
    active_packages = {serving.routing.package(each): each for each in (Route.CANARY, Route.CHAMPION)}
    if request.package not in active_packages or request.package not in serving.loaded:
        raise UnknownEntityError(
            f"expected the version {serving.routing.champion}, which answers now, got {request.package[:64]!r}"
        )
    return [active_packages[request.package]] * len(request.rows)


def _lookup_features(loaded: LoadedModel, entity: str | None) -> Row | None:
    """Return the features that the snapshot has of `entity`; None for a row that names none."""
    if entity is None:
        return None
    snapshot = loaded.snapshot_store.served
    if snapshot is None:
        raise SnapshotError(
            "expected a snapshot of features to look entities up in, but there is none yet: send the features, or ask later"
        )
    features = snapshot.lookup(entity)
    if features is None:
        raise UnknownEntityError(
            f"{request_schema.truncate(entity)} is none of the {len(snapshot.row_index)} entities of {snapshot.facts.get('night')}: "
            "send its features instead"
        )
    return features


def _scores(loaded: LoadedModel, rows: Sequence[dict[str, object]], inline_rows: int) -> list[float]:
    """Return the score of each row; raises RatchetError when one is no number."""
    if loaded.remote is not None:
        scores = loaded.remote.scores(rows)
    elif len(rows) <= inline_rows:
        scores = [loaded.model.predict_row(row) for row in rows]
    else:
        import pandas as pd

        scores = loaded.model.predict(pd.DataFrame(rows, columns=list(loaded.input_schema.is_text))).tolist()
    if all(map(math.isfinite, scores)):
        return scores
    raise RatchetError(f"package {loaded.digest[:12]} gave a score that is no number: roll back")
