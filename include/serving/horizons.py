"""The models that one server answers with, one for each horizon of a use case, and the choice between them.

The model named like the use case predicts at the night's horizon. The models of live horizons appear once they have a
routing. Each has a pool, a handler, a prediction log and metrics of its own.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from include.serving import live_snapshot, metrics
from include.serving.config import ServingConfig
from include.serving.handler import RequestHandler
from include.serving.live_snapshot import LiveSnapshot
from include.serving.metrics import Metrics
from include.serving.model_pool import ModelPool
from include.settings import Settings
from include.stores import routing_store, snapshot_store
from include.stores.request_log import RequestLog
from ml.errors import EventPassedError, NotReachedError, UnknownEntityError
from ml.features import CUTOFF
from ml.scoring import request_schema
from ml.usecase import model_names

_NIGHT = "night"


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """One model of the server, with what it needs to answer; `horizon` is "night" or the name of a live horizon."""

    name: str
    horizon: str
    pool: ModelPool
    handler: RequestHandler
    request_log: RequestLog
    metrics: Metrics

    @property
    def is_live(self) -> bool:
        return self.horizon != _NIGHT

    @property
    def live_snapshot(self) -> LiveSnapshot | None:
        """The live snapshot in use; None at the night's horizon, and before the first."""
        return live_snapshot.of(self.pool) if self.is_live else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The model that answers for one entity; `reason` says why it is not that of a live horizon, if it is not."""

    model: ServedModel
    reason: str | None = None


class Horizons:
    """The models of a use case that have a routing, by name; the one that the server was started for comes first."""

    def __init__(self, use_case: str, settings: Settings, config: ServingConfig) -> None:
        """Raises SetupError when there is no room for a prediction log."""
        self._settings, self._config = settings, config
        self.main = self._create(use_case)
        self._models = {use_case: self.main}

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(tuple(self._models.values()))

    @property
    def are_several(self) -> bool:
        return len(self._models) > 1

    @property
    def faults(self) -> list[str]:
        """The faults of the last refresh of all models."""
        return list(dict.fromkeys(fault for each in self for fault in each.pool.faults))

    def refresh(self, *, retry: bool = False) -> list[str]:
        """Load what is new of each model, and models that have a routing since the last time; return the faults."""
        if not self._config.package:
            for name in routing_store.models(self._settings.routes, self.main.name):
                if name not in self._models:
                    self._models = {**self._models, name: self._create(name)}
        for each in self:
            each.pool.refresh(retry=retry)
        return self.faults

    def get(self, name: str) -> ServedModel:
        """Return the model called `name`; raises UnknownEntityError without one."""
        return self._find("model", {each.name: each for each in self}, name)

    def at(self, horizon: str) -> ServedModel:
        """Return the model of the horizon called `horizon`; raises UnknownEntityError without one."""
        return self._find("horizon", {each.horizon: each for each in self}, horizon)

    def _find(self, kind: str, known: Mapping[str, ServedModel], name: str) -> ServedModel:
        if name not in known:
            names = " or ".join(map(repr, known))
            raise UnknownEntityError(f"expected the {kind} {names}, got {request_schema.truncate(name)}")
        return known[name]

    def choose(self, entity: str, among: Sequence[ServedModel] = ()) -> Choice:
        """Return the model (of those `among` others, by default of all) that answers for `entity`.

        This is the one with the latest cutoff that the data has reached, or else that of the night: a live horizon
        answers with the features as of the entity's cutoff, which are in its snapshot from then on. Raises
        EventPassedError if the event is not after the moment of the newest live snapshot.
        """
        reached, reason = list[tuple[int, ServedModel]](), "no live snapshot has it"
        for model in among or self:
            live = model.live_snapshot
            cutoff = live.snapshot.cutoff(entity) if live else None
            if live is None or cutoff is None:
                continue
            _check_event(entity, cutoff, live)
            if live.is_too_old:
                reason = f"the snapshot of {model.name} is {live.age_seconds / 60:.0f} minutes old, which is too old"
            elif cutoff > live.as_of:
                reason = f"its cutoff for {model.name} is at {_text(cutoff)}, and the data is of {_text(live.as_of)}"
            else:
                reached.append((cutoff, model))
        if not reached:
            return Choice(model=self.main, reason=reason)
        cutoff, latest = max(reached, key=lambda each: each[0])
        if not among and cutoff < self._night_cutoff(entity):
            return Choice(model=self.main, reason=f"the night's cutoff for it is later than that of {latest.name}")
        return Choice(model=latest)

    def _night_cutoff(self, entity: str) -> float:
        """Return the cutoff of the night's snapshot in seconds since 1970 if it has `entity`; else before all others."""
        pool = self.main.pool
        snapshot = pool.serving.champion.snapshot_store.served if pool.ready and not self.main.is_live else None
        if snapshot is None or entity not in snapshot.row_index or CUTOFF not in snapshot.facts:
            return -math.inf
        return datetime.fromisoformat(str(snapshot.facts[CUTOFF])).timestamp()

    def check_reached(self, model: ServedModel, entities: Iterable[str | None]) -> None:
        """Raise RatchetError unless `model`, of a live horizon, may answer for all `entities` in its snapshot."""
        for entity in entities:
            live = model.live_snapshot
            if entity is None or live is None or live.snapshot.cutoff(entity) is None:
                continue  # features that were sent need no snapshot; what is unknown is reported by who looks it up
            choice = self.choose(entity, [model])
            if choice.reason is not None:
                raise NotReachedError(
                    f"expected an entity that {model.name} can answer for, got {request_schema.truncate(entity)}: "
                    f"{choice.reason}; send the request without naming a model, and the night's answers meanwhile"
                )

    def render_metrics(self) -> bytes:
        """Return the metrics of all models in Prometheus' text format, by `model` if there are several."""
        by_model = {each.name: each.metrics for each in self}
        return metrics.render_together(by_model) if self.are_several else self.main.metrics.render()

    def close(self) -> None:
        """Finish the copies for shadows, and close the prediction logs."""
        for each in self:
            each.handler.close()
            each.request_log.close()

    def _create(self, name: str) -> ServedModel:
        pool = ModelPool(
            name, snapshot_store.folder_of(self._settings.feature_store, name), self._settings, self._config
        )
        request_log = RequestLog(self._settings.prediction_log / name)
        counters = Metrics(pool, request_log)
        return ServedModel(
            name=name,
            horizon=model_names.split(name)[1] or _NIGHT,
            pool=pool,
            handler=RequestHandler(pool, request_log, counters, self._config),
            request_log=request_log,
            metrics=counters,
        )


def _check_event(entity: str, cutoff: int, live: LiveSnapshot) -> None:
    event = cutoff + 3600 * live.hours
    if event <= live.as_of:
        raise EventPassedError(
            f"expected an entity whose event is to come, got {request_schema.truncate(entity)}: its event was due at "
            f"{_text(event)}, and the data is of {_text(live.as_of)}; the prediction log has what was answered before"
        )


def _text(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
