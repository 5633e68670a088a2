"""The loaded packages of a server. Each is first verified in a separate process, and all of them change atomically."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from include.backoff import Backoff
from include.serving import remote_challenger, subprocesses
from include.serving.config import ServingConfig
from include.serving.remote_challenger import RemoteChallenger
from include.settings import Settings
from include.stores import packages, routing_store
from include.stores.snapshot_store import SnapshotCache
from ml.errors import PackageError, RatchetError, RequestError, SetupError
from ml.features import fingerprints
from ml.packaging import package_files
from ml.rollout.routing import Route, Routing
from ml.scoring.request_schema import RequestSchema
from ml.training.fitting import Model

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A loaded package with its feature snapshots. If `remote` is set, its scores come from that server."""

    digest: str
    model: Model
    input_schema: RequestSchema
    snapshot_store: SnapshotCache
    remote: RemoteChallenger | None = None


@dataclass(frozen=True, kw_only=True)
class ServingState:
    """The routing and the packages in use. A request keeps the state that it began with to its end."""

    routing: Routing
    loaded: Mapping[str, LoadedModel]

    @property
    def has_remote_challenger(self) -> bool:
        """Whether another server scores for the challenger."""
        challenger = self.routing.challenger
        return challenger is not None and self.loaded[challenger].remote is not None

    def model_for(self, route: Route) -> LoadedModel:
        """Return the package that answers on `route`."""
        return self.loaded[self.routing.package(route)]

    @property
    def champion(self) -> LoadedModel:
        return self.model_for(Route.CHAMPION)


class ModelPool:
    """Follows the routing of one use case. `faults` says what cannot be loaded; then the earlier state is served."""

    def __init__(self, use_case: str, snapshot_dir: Path, settings: Settings, config: ServingConfig) -> None:
        """Serve `use_case` as `settings` route it and `config` says, with the snapshots in `snapshot_dir`."""
        self.use_case, self._snapshot_dir, self._settings, self._config = use_case, snapshot_dir, settings, config
        self._remote_client = remote_challenger.connect(config) if config.challenger else None
        self._serving: ServingState | None = None
        self._wanted: Routing | None = None
        self._loaded: Mapping[str, LoadedModel] = {}
        self._load_faults: list[str] | None = None
        self._backoff = Backoff()
        self._lock = threading.Lock()
        self.faults: tuple[str, ...] = ()
        self.count_failure: Callable[[str], None] = lambda _: None
        self.refreshed_at = time.time()

    @property
    def serving(self) -> ServingState:
        """The state in use; raises SetupError while there is none."""
        if self._serving is None:
            reason = "; ".join(self.faults) or "nothing was loaded yet"
            raise SetupError(f"expected a champion of {self.use_case} to answer with, but {reason}")
        return self._serving

    @property
    def ready(self) -> bool:
        return self._serving is not None

    def refresh(self, *, retry: bool = False) -> tuple[str, ...]:
        """Load a newer routing, packages and snapshots if they are valid; return the faults, which `faults` keeps too.

        Nothing that goes wrong is raised. A package or a snapshot that failed to load is tried again after a delay that
        grows with each failure, or at once with `retry`.
        """
        with self._lock:
            if retry:
                self._load_faults = None
            faults = {
                "routing": self._guard("routing", self._read_wanted),
                "package": self._guard("package", self._load_wanted),
                "challenger": self._guard("challenger", self._attach_remote),
                "snapshot": [
                    fault
                    for each in (self._serving.loaded.values() if self._serving else ())
                    for fault in self._guard("snapshot", partial(_refresh_snapshot, each, retry))
                ],
            }
            for part in faults:
                if faults[part]:
                    self.count_failure(part)
            self.faults = tuple(dict.fromkeys(chain.from_iterable(faults.values())))
            if not self.faults:
                self.refreshed_at = time.time()
            return self.faults

    def describe(self, part: str, error: BaseException) -> str:
        """Return what `part` raised as a fault; log it with its traceback when it is new."""
        fault = f"the {part} of {self.use_case} failed ({error!r:.300}): it is tried again until it succeeds"
        if fault not in self.faults:
            _LOG.warning("%s", fault, exc_info=error)
        return fault

    def _guard(self, part: str, action: Callable[[], list[str]]) -> list[str]:
        """Return the faults of `action`; whatever it raises is a fault too."""
        try:
            return action()
        except KeyboardInterrupt:
            raise
        except RatchetError as error:
            return [str(error)]
        except BaseException as error:  # noqa: BLE001 - a panic of a library in Rust is no Exception
            return [self.describe(part, error)]

    def _read_wanted(self) -> list[str]:
        """Read the present routing; if it is another one, its packages are loaded at once."""
        wanted = self._read_routing()
        if wanted != self._wanted:
            self._wanted, self._load_faults = wanted, None
            self._backoff.reset()
        return []

    def _load_wanted(self) -> list[str]:
        """Load the packages of the routing read last, or try again those that failed; return the faults."""
        if self._wanted is not None and (self._load_faults is None or (self._load_faults and self._backoff.is_due)):
            started = time.monotonic()
            self._load_faults = self._guard("package", partial(self._activate, self._wanted))
            if self._load_faults:
                self._backoff.record_failure(time.monotonic() - started)
        return self._load_faults or []

    def _activate(self, wanted: Routing) -> list[str]:
        """Load the packages of `wanted`, and serve them if the champion is among them; return the faults."""
        loaded, faults = self._load_missing(wanted, {**self._loaded, **(self._serving.loaded if self._serving else {})})
        self._loaded = loaded
        loaded = {
            digest: each if digest == wanted.challenger else replace(each, remote=None)
            for digest, each in loaded.items()
        }
        if wanted.champion in loaded:
            routing = wanted if self._is_complete(wanted, loaded) else wanted.without_challenger
            self._serving = ServingState(routing=routing, loaded=loaded)
        return faults

    def _is_complete(self, wanted: Routing, loaded: Mapping[str, LoadedModel]) -> bool:
        """Return whether the challenger, if there is one, is loaded, and attached to its server if it has one."""
        if wanted.challenger is None:
            return True
        challenger = loaded.get(wanted.challenger)
        return challenger is not None and (self._remote_client is None or challenger.remote is not None)

    def _attach_remote(self) -> list[str]:
        """Route to a remote challenger once its server is ready; return the reason while it is not."""
        serving, wanted = self._serving, self._wanted
        if self._remote_client is None or serving is None or wanted is None:
            return []
        digest = wanted.challenger
        if digest is None or digest not in serving.loaded:
            return []
        if serving.routing != wanted.without_challenger:
            return []
        remote = RemoteChallenger(digest, self._remote_client, self._config.answer_seconds)
        try:
            remote.check_ready()
        except RequestError as fault:
            return [str(fault)]
        loaded = {**serving.loaded, digest: replace(serving.loaded[digest], remote=remote)}
        self._serving = ServingState(routing=wanted, loaded=loaded)
        return []

    def _read_routing(self) -> Routing:
        if self._config.package:
            return Routing(use_case=self.use_case, seq=0, champion=self._config.package)
        published = routing_store.current(self.use_case, self._settings)
        if self._serving is not None and published.seq < self._serving.routing.seq:
            raise RequestError(
                f"{routing_store.path_of(self._settings.routes, self.use_case)} is as of entry {published.seq} of the "
                f"ledger, but entry {self._serving.routing.seq} is served already: it was replaced by an older routing"
            )
        return published

    def _load_missing(
        self, wanted: Routing, previous: Mapping[str, LoadedModel]
    ) -> tuple[dict[str, LoadedModel], list[str]]:
        """Return the packages of `wanted`, reusing those that are loaded already, and the faults of the others."""
        loaded, faults = {}, []
        for digest in wanted.packages:
            try:
                loaded[digest] = previous[digest] if digest in previous else self._load(digest)
            except Exception as fault:  # noqa: BLE001 - whatever is wrong with it, the earlier packages are served
                faults.append(str(fault) if isinstance(fault, RatchetError) else f"package {digest[:12]}: {fault!r}")
        return loaded, faults

    def _load(self, digest: str) -> LoadedModel:
        files = packages.get(self._settings.packages, digest, self._settings.trusted_keys)
        facts = package_files.facts(files)
        if facts.get("use_case") != self.use_case:
            raise PackageError(
                f"package {digest[:12]} is for the use case {facts.get('use_case')!r}, expected {self.use_case!r}"
            )
        pinned = fingerprints.from_facts(facts, source=f"package {digest[:12]}")
        subprocesses.run("include.serving.verify_package", self._settings.packages, digest, self._settings)
        model = package_files.load(files)
        package_files.check_golden(model, files)  # here too: a first prediction imports modules, which takes time
        snapshot_store = SnapshotCache(self._snapshot_dir, pinned)
        # Before it answers, so that it looks entities up from its first request on. The next refresh reports faults.
        self._guard("snapshot", lambda: [snapshot_store.refresh() or ""])
        return LoadedModel(
            digest=digest,
            model=model,
            input_schema=RequestSchema.from_encoder(model.encoder),
            snapshot_store=snapshot_store,
        )


def _refresh_snapshot(loaded: LoadedModel, retry: bool) -> list[str]:
    fault = loaded.snapshot_store.refresh(retry=retry)
    return [fault] if fault else []
