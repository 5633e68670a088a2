"""The models that one server answers with, one for each horizon of a use case, and the choice between them.

The model named like the use case predicts at the night's horizon. The models of live horizons appear once they have a
routing. Each has a pool, a handler, a prediction log and metrics of its own.
"""

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
from ml.errors import EventPassedError, NotReachedError, RatchetError, UnknownEntityError
from ml.features.snapshots import FeatureSnapshot, LiveFacts
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


@dataclass(frozen=True, kw_only=True)
class Chooser:
    """The choice between models for the entities of one request, which all meet the same snapshots at the same age.

    `lives` are the live models that have a snapshot. `night` is the snapshot of `main` if its cutoff counts too.
    """

    main: ServedModel
    lives: Sequence[tuple[ServedModel, LiveSnapshot]]
    night: FeatureSnapshot | None

    def knows(self, entity: str) -> bool:
        """Return whether a live snapshot has the cutoff of `entity`."""
        return any(live.snapshot.cutoff(entity) is not None for _, live in self.lives)

    def choose(self, entity: str) -> Choice:
        """Return the model that answers for `entity`.

        This is the one with the latest cutoff that the data has reached, or else that of the night: a live horizon
        answers with the features as of the entity's cutoff, which are in its snapshot from then on. Raises
        EventPassedError if the event is not after the moment of the newest live snapshot.
        """
        reached, reason = list[tuple[float, ServedModel]](), "no live snapshot has it"
        for model, live in self.lives:
            cutoff = live.snapshot.cutoff(entity)
            if cutoff is None:
                continue
            _check_event(entity, cutoff, live.facts)
            if live.is_too_old:
                reason = f"the snapshot of {model.name} is {live.age_seconds / 60:.0f} minutes old, which is too old"
            elif cutoff > live.facts.as_of:
                data = _text(live.facts.as_of)
                reason = f"its cutoff for {model.name} is at {_text(cutoff)}, and the data is of {data}"
            else:
                reached.append((cutoff, model))
        if not reached:
            return Choice(model=self.main, reason=reason)
        cutoff, latest = max(reached, key=lambda each: each[0])
        night_cutoff = self.night.cutoff(entity) if self.night else None
        if night_cutoff is not None and cutoff < night_cutoff:
            return Choice(model=self.main, reason=f"the night's cutoff for it is later than that of {latest.name}")
        return Choice(model=latest)


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
        """Load what is new of each model, and models that have a routing since the last time; return the faults.

        A model that cannot be added is a fault of the main model's pool, and keeps no other from being refreshed.
        """
        faults = [] if self._config.package else self._add_models()
        for each in self:
            each.pool.refresh(retry=retry)
        self.main.pool.faults = (*faults, *self.main.pool.faults)
        return self.faults

    def _add_models(self) -> list[str]:
        """Add the models that have a routing since the last time; return the faults of those that cannot be added."""
        main, faults = self.main.pool, list[str]()
        try:
            names = routing_store.models(self._settings.routes, self.main.name)
        except OSError as error:
            main.count_failure("models")
            return [main.describe("list of models", error)]
        for name in names:
            if name in self._models:
                continue
            try:
                self._models = {**self._models, name: self._create(name)}
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the other models are refreshed
                main.count_failure("models")
                faults.append(
                    f"{name}: {error}" if isinstance(error, RatchetError) else main.describe(f"model {name}", error)
                )
        return faults

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

    def chooser(self, among: Sequence[ServedModel] = ()) -> "Chooser":
        """Return the choice between the models of `among`, by default of all, with the snapshots in use now."""
        pool = self.main.pool
        return Chooser(
            main=self.main,
            lives=[(model, live) for model in among or self if (live := model.live_snapshot) is not None],
            night=None if among or self.main.is_live or not pool.ready else pool.serving.champion.snapshot_store.served,
        )

    def check_reached(self, model: ServedModel, entities: Iterable[str | None]) -> None:
        """Raise RatchetError unless `model`, of a live horizon, may answer for all `entities` in its snapshot."""
        chooser = self.chooser([model])
        for entity in entities:
            if entity is None or not chooser.knows(entity):
                continue  # features that were sent need no snapshot; what is unknown is reported by who looks it up
            reason = chooser.choose(entity).reason
            if reason is not None:
                raise NotReachedError(
                    f"expected an entity that {model.name} can answer for, got {request_schema.truncate(entity)}: "
                    f"{reason}; send the request without naming a model, and the night's answers meanwhile"
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


def _check_event(entity: str, cutoff: float, live: LiveFacts) -> None:
    event = cutoff + 3600 * live.hours
    if event <= live.as_of:
        raise EventPassedError(
            f"expected an entity whose event is to come, got {request_schema.truncate(entity)}: its event was due at "
            f"{_text(event)}, and the data is of {_text(live.as_of)}; the prediction log has what was answered before"
        )


def _text(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
