"""The one handler: rows in, scores out, every one of them in the journal; whichever protocol asks."""

import math
import queue
import threading
import time
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from include.serving.config import Limits
from include.serving.metrics import Metrics
from include.serving.model_pool import Fleet, Loaded, Serving
from include.stores.request_log import Journal
from ml.errors import AbsentError, QuestionError, RatchetError, SnapshotError
from ml.rollout.routing import Route
from ml.scoring import request_schema
from ml.scoring.request_schema import Row

_IDLE_SECONDS = 0.2


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal has of one answer: `at` in seconds since 1970, `score` None where there was a `fault`.

    `night` is that of the snapshot that the server had.
    """

    request: str
    place: int
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


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request: its id, the protocol that it came by, its rows and whom each is about, and when it came (`perf_counter`).

    `package` is the digest that the client wants to answer, None for whoever is to.
    """

    request: str
    protocol: str
    rows: Sequence[Row]
    entities: Sequence[str | None]
    started: float
    package: str | None = None

    @classmethod
    def of(
        cls, request: str, protocol: str, rows: Sequence[Row], started: float, package: str | None = None
    ) -> "Asked":
        """Return the request; raises QuestionError when a row names its entity by something else than a text."""
        entities = [request_schema.entity(row) for row in rows]
        return cls(request=request, protocol=protocol, rows=rows, entities=entities, started=started, package=package)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
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


class Answering:
    """Answers from what the fleet has. While there is a shadow, whoever did not answer answers a copy, for which nobody waits."""

    def __init__(self, fleet: Fleet, journal: Journal, metrics: Metrics, limits: Limits) -> None:
        self._fleet, self._journal, self._metrics, self._limits = fleet, journal, metrics, limits
        self._copies: queue.Queue[tuple[Serving, Asked, Sequence[Route]]] = queue.Queue(limits.shadow_waiting)
        self._closed = False
        self._shadow = threading.Thread(target=self._answer_copies, name="shadow", daemon=True)
        self._shadow.start()

    def answer(self, asked: Asked) -> list[Answer]:
        """Return the answer to each row, in order, once it is in the journal.

        Raises QuestionError when a row does not have what the model takes (AbsentError: an entity that is not known),
        SetupError while there is no champion, SnapshotError while there is nothing to look entities up in.
        """
        serving = self._fleet.serving
        if len(asked.rows) > self._limits.rows:
            raise QuestionError(
                f"expected at most {self._limits.rows} rows, got {len(asked.rows)}: ask in several requests"
            )
        routes = _routes(serving, asked)
        answers: dict[int, Answer] = {}
        for route in set(routes):
            places = [place for place, each in enumerate(routes) if each is route]
            answers.update(zip(places, self._answer(serving, route, asked, places), strict=True))
        if serving.routing.shadow:
            self._copy(serving, asked, routes)
        return [answers[place] for place in range(len(routes))]

    def waits(self, asked: Asked) -> bool:
        """Say whether some of the answers come from elsewhere, or are too many to give between two requests."""
        serving = self._fleet.serving
        return len(asked.rows) > self._limits.inline_rows or (serving.apart and Route.CANARY in _routes(serving, asked))

    def close(self) -> None:
        """Answer the copies that wait, and stop."""
        self._closed = True
        self._shadow.join()

    def _answer(self, serving: Serving, route: Route, asked: Asked, places: Sequence[int]) -> list[Answer]:
        """Return the answers of `route` to the rows at `places`; where the challenger has none, those of the champion."""
        by = serving.by(route)
        tried = self._try(by, asked, places)
        if tried.fault is None:
            self._note(by, route, asked, places, tried)
            return [
                Answer(entity=asked.entities[place], score=score, package=by.digest, route=route)
                for place, score in zip(places, tried.scores, strict=True)
                if score is not None
            ]
        if route is Route.CHAMPION:
            raise tried.fault
        answers = self._answer(serving, Route.CHAMPION, asked, places)
        self._note(by, route, asked, places, tried)
        return answers

    def _try(self, by: Loaded, asked: Asked, places: Sequence[int]) -> _Attempt:
        rows: list[dict[str, object]] = []
        try:
            rows.extend(by.taken.complete(asked.rows[each], _known(by, asked.entities[each])) for each in places)
            return _Attempt(rows=rows, scores=_scores(by, rows, self._limits.inline_rows))
        except Exception as fault:  # noqa: BLE001 - whatever a challenger does, the champion answers
            return _Attempt(rows=[*rows, *({} for _ in places[len(rows) :])], scores=[None] * len(places), fault=fault)

    def _note(self, by: Loaded, route: Route, asked: Asked, places: Sequence[int], tried: _Attempt) -> None:
        """Write a record for each row: of its score, or of the fault for which there is none."""
        seconds = time.perf_counter() - asked.started
        night = by.shelf.served.facts.get("night") if by.shelf.served else None
        fault = None if tried.fault is None else f"{type(tried.fault).__name__}: {tried.fault}"
        for place, row, score in zip(places, tried.rows, tried.scores, strict=True):
            record = Record(
                request=asked.request,
                place=place,
                at=time.time(),
                protocol=asked.protocol,
                entity=asked.entities[place],
                package=by.digest,
                route=route,
                score=score,
                fault=fault,
                latency_ms=seconds * 1000,
                night=str(night) if night else None,
                features=row,
            )
            self._journal.append(msgspec.json.encode(record))
        self._metrics.answered(route, by.digest, seconds, len(places), failed=fault is not None)

    def _copy(self, serving: Serving, asked: Asked, routes: Sequence[Route]) -> None:
        try:
            self._copies.put_nowait((serving, asked, routes))
        except queue.Full:
            self._metrics.shadows_dropped.inc(len(asked.rows))

    def _answer_copies(self) -> None:
        while not (self._closed and self._copies.empty()):
            try:
                serving, asked, routes = self._copies.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                continue
            copy = replace(asked, started=time.perf_counter())
            for answered, other in ((Route.CHAMPION, Route.SHADOW), (Route.CANARY, Route.CHAMPION)):
                by, places = serving.by(other), [place for place, each in enumerate(routes) if each is answered]
                if places:
                    self._note(by, Route.SHADOW, copy, places, self._try(by, copy, places))


def _routes(serving: Serving, asked: Asked) -> list[Route]:
    """Return who answers each row; raises AbsentError when the client wants a package that does not answer."""
    if asked.package is None:
        return [serving.routing.route(entity or asked.request) for entity in asked.entities]
    answering = {serving.routing.package(each): each for each in (Route.CANARY, Route.CHAMPION)}
    if asked.package not in answering or asked.package not in serving.loaded:
        raise AbsentError(
            f"expected the version {serving.routing.champion}, which answers now, got {asked.package[:64]!r}"
        )
    return [answering[asked.package]] * len(asked.rows)


def _known(by: Loaded, entity: str | None) -> Row | None:
    """Return the features that the snapshot has of `entity`; None for a row that names none."""
    if entity is None:
        return None
    snapshot = by.shelf.served
    if snapshot is None:
        raise SnapshotError(
            "expected a snapshot of features to look entities up in, but there is none yet: send the features, or ask later"
        )
    found = snapshot.lookup(entity)
    if found is None:
        raise AbsentError(
            f"{request_schema.shown(entity)} is none of the {len(snapshot.places)} entities of {snapshot.facts.get('night')}: "
            "send its features instead"
        )
    return found


def _scores(by: Loaded, rows: Sequence[dict[str, object]], inline: int) -> list[float]:
    """Return the score of each row; raises RatchetError when one is no number."""
    if by.apart is not None:
        scores = by.apart.scores(rows)
    elif len(rows) <= inline:
        scores = [by.model.predict_row(row) for row in rows]
    else:
        import pandas as pd

        scores = by.model.predict(pd.DataFrame(rows, columns=list(by.taken.words))).tolist()
    if all(map(math.isfinite, scores)):
        return scores
    raise RatchetError(f"package {by.digest[:12]} gave a score that is no number: roll back")
