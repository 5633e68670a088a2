"""The packages at hand: loaded by digest, each proven in a process of its own first, and replaced all at once."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from include.serving import remote_challenger, subprocesses
from include.serving.config import Limits
from include.serving.remote_challenger import Apart
from include.settings import Settings
from include.stores import packages, routing_store
from include.stores.snapshot_store import Shelf
from ml.errors import PackageError, RatchetError, RequestError, SetupError
from ml.features import fingerprints
from ml.packaging import package_files
from ml.rollout.routing import Route, Routing
from ml.scoring.request_schema import Taken
from ml.training.fitting import Model


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A package ready to answer, and the shelf that it looks features up in; where it is `apart` its scores come from there."""

    digest: str
    model: Model
    taken: Taken
    shelf: Shelf
    apart: Apart | None = None


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What answers now. Requests that began with one keep it to their end."""

    routing: Routing
    loaded: Mapping[str, Loaded]

    @property
    def apart(self) -> bool:
        """Say whether the challenger's answers come from elsewhere."""
        challenger = self.routing.challenger
        return challenger is not None and self.loaded[challenger].apart is not None

    def by(self, route: Route) -> Loaded:
        """Return the package that answers on `route`."""
        return self.loaded[self.routing.package(route)]

    @property
    def champion(self) -> Loaded:
        return self.by(Route.CHAMPION)


class Fleet:
    """Follows the routing of one use case; what cannot be taken is told in `faults`, and what was good goes on."""

    def __init__(self, use_case: str, shelf: Path, settings: Settings, limits: Limits) -> None:
        """Answer for `use_case` from the `shelf`, with what is routed in `where`, or as the `limits` say."""
        self.use_case, self._shelf, self._where, self._limits = use_case, shelf, settings, limits
        self._elsewhere = remote_challenger.connect(limits) if limits.challenger else None
        self._serving: Serving | None = None
        self._asked: tuple[Routing, list[str]] | None = None
        self._turn = threading.Lock()
        self.faults: tuple[str, ...] = ()
        self.refreshed_at = time.time()

    @property
    def serving(self) -> Serving:
        """What answers now; raises SetupError while nothing does."""
        if self._serving is None:
            told = "; ".join(self.faults) or "nothing was loaded yet"
            raise SetupError(f"expected a champion of {self.use_case} to answer with, but {told}")
        return self._serving

    @property
    def ready(self) -> bool:
        return self._serving is not None

    def refresh(self, *, again: bool = False) -> tuple[str, ...]:
        """Take a newer routing, packages and snapshots where they are whole; return why not otherwise, also `faults`.

        What was refused is tried `again` only when asked for.
        """
        with self._turn:
            if again:
                self._asked = None
            self.faults = (*self._follow(), *self._look())
            if not self.faults:
                self.refreshed_at = time.time()
            return self.faults

    def _follow(self) -> list[str]:
        """Serve what is routed now; return why not, or not all of it."""
        try:
            wanted = self._wanted()
        except (OSError, RatchetError) as fault:
            return [str(fault)]
        if self._asked is None or self._asked[0] != wanted:
            self._asked = wanted, self._take(wanted)
        return [*self._asked[1], *self._join(wanted)]

    def _take(self, wanted: Routing) -> list[str]:
        loaded, faults = self._at_hand(wanted, self._serving.loaded if self._serving else {})
        loaded = {
            digest: each if digest == wanted.challenger else replace(each, apart=None)
            for digest, each in loaded.items()
        }
        if wanted.champion in loaded:
            routing = wanted if self._whole(wanted, loaded) else wanted.alone
            self._serving = Serving(routing=routing, loaded=loaded)
        return faults

    def _whole(self, wanted: Routing, loaded: Mapping[str, Loaded]) -> bool:
        """Say whether whoever is to answer can, the challenger from where it is to."""
        if wanted.challenger is None:
            return True
        challenger = loaded.get(wanted.challenger)
        return challenger is not None and (self._elsewhere is None or challenger.apart is not None)

    def _join(self, wanted: Routing) -> list[str]:
        """Let a challenger that is apart answer once it is there; return why it does not yet."""
        serving, digest = self._serving, wanted.challenger
        if self._elsewhere is None or serving is None or digest is None or digest not in serving.loaded:
            return []
        if serving.routing != wanted.alone:
            return []
        there = Apart(digest, self._elsewhere)
        try:
            there.require()
        except RequestError as fault:
            return [str(fault)]
        loaded = {**serving.loaded, digest: replace(serving.loaded[digest], apart=there)}
        self._serving = Serving(routing=wanted, loaded=loaded)
        return []

    def _wanted(self) -> Routing:
        if self._limits.package:
            return Routing(use_case=self.use_case, seq=0, champion=self._limits.package)
        found = routing_store.standing(self.use_case, self._where)
        if self._serving is not None and found.seq < self._serving.routing.seq:
            raise RequestError(
                f"{routing_store.place(self._where.routes, self.use_case)} is as of entry {found.seq} of the ledger, but entry "
                f"{self._serving.routing.seq} is served already: it is an old one put back"
            )
        return found

    def _at_hand(self, wanted: Routing, before: Mapping[str, Loaded]) -> tuple[dict[str, Loaded], list[str]]:
        """Return the wanted packages, those that are loaded already as they are, and why some are not there."""
        loaded, faults = {}, []
        for digest in wanted.packages:
            try:
                loaded[digest] = before[digest] if digest in before else self._load(digest)
            except Exception as fault:  # noqa: BLE001 - whatever is wrong with it, what was good goes on
                faults.append(str(fault) if isinstance(fault, RatchetError) else f"package {digest[:12]}: {fault!r}")
        return loaded, faults

    def _load(self, digest: str) -> Loaded:
        files = packages.get(self._where.packages, digest, self._where.trusted_keys)
        facts = package_files.facts(files)
        if facts.get("use_case") != self.use_case:
            raise PackageError(
                f"package {digest[:12]} answers for {facts.get('use_case')!r}, expected one for {self.use_case!r}"
            )
        pinned = fingerprints.told(facts, of=f"package {digest[:12]}")
        subprocesses.run("include.serving.verify_package", self._where.packages, digest, self._where)
        model = package_files.load(files)
        package_files.check_golden(model, files)  # here too: no request waits for what a first answer imports
        return Loaded(
            digest=digest,
            model=model,
            taken=Taken.by(model.encoder),
            shelf=Shelf(self._shelf, pinned),
        )

    def _look(self) -> list[str]:
        """Let every package look for a newer snapshot, and return why one cannot be taken."""
        if self._serving is None:
            return []
        found = (each.shelf.refresh() for each in self._serving.loaded.values())
        return list(dict.fromkeys(fault for fault in found if fault))
