"""The declaration of one use case, with the checks across its parts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from graphlib import CycleError, TopologicalSorter

from ml.errors import DeclarationError, RequestError
from ml.usecase import model_names, safe_names, task_compatibility
from ml.usecase import retention as retention_rules
from ml.usecase.adoption import Adoption
from ml.usecase.data import Table
from ml.usecase.declaration import NAME, check, check_types, check_unique
from ml.usecase.expectations import Expectation
from ml.usecase.features import Feature, Lookup, Text, Window, check_ratios, outputs
from ml.usecase.gates import (
    Cost,
    DeterministicLevels,
    EdgeCase,
    Excluded,
    Fairness,
    Gates,
    Megabytes,
    Milliseconds,
    PinballCost,
    Refit,
    Slice,
)
from ml.usecase.live_horizon import LearnFrom, Live
from ml.usecase.models import (
    Baseline,
    Candidate,
    GradientBoosting,
    Logistic,
    Prior,
    Recency,
    RecentMean,
    RecentRate,
    Task,
    Tuning,
)
from ml.usecase.operations import Arrival, CatchUp, Demo, Explanations, PublicationGate, Release, Roles
from ml.usecase.retention import Retention, RetentionNeed
from ml.usecase.schedule import Night
from ml.usecase.triggers import Triggers

_RESERVED = ("entity", "night", "cutoff", "feature_service")


@dataclass(frozen=True, kw_only=True, slots=True)
class UseCase:
    """One use case: question, data, features, candidates, costs, gates and release.

    `horizons` are when it predicts: first a `Night`, then any number of `Live` horizons. Each has a model of its own;
    `at` returns the declaration of one of them, which is a use case over the same data (`dataset`), with the name
    `<name>-<horizon>`, what its horizon declares, and everything else as it is here. `at` sets `derived_from`.

    A `latency_budget` declares that single rows are served; without one, latency is not a gate.
    With `learn_from="served"`, an entity that a server answered is trained on with the features of its last answer, as
    the prediction log has them, also where a client sent a value that no table has; the others with the features that
    were built.
    `retired` features are still built, for a champion that was trained on them, but candidates are not trained on them.
    """

    name: str
    question: str
    owner: str = "ratchet"
    task: Task
    entities: str
    tables: tuple[Table, ...]
    horizons: tuple[Night | Live, ...]
    features: tuple[Feature, ...]
    retired: tuple[Feature, ...] = ()
    candidates: tuple[Candidate, ...] = (Logistic(), GradientBoosting())
    baselines: tuple[Baseline, ...] = (Prior(),)
    weighting: Recency | None = None
    learn_from: LearnFrom = "built"
    tuning: Tuning | None = None
    cost: Cost | PinballCost
    latency_budget: Milliseconds | None = None
    size_budget: Megabytes = Megabytes()
    expectations: tuple[Expectation, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    deterministic_levels: tuple[DeterministicLevels, ...] = ()
    slices: tuple[Slice, ...] = ()
    edge_cases: tuple[EdgeCase, ...] = ()
    fairness: Fairness | None = None
    matured_share: float = 0.95
    gates: Gates = Gates()
    refit: Refit | None = Refit()
    adoption: Adoption | None = Adoption()
    triggers: Triggers = Triggers()
    publication: PublicationGate = PublicationGate()
    explanations: Explanations | None = None
    release: Release = Release(approvers=("tech_lead", "business_owner"))
    roles: Roles = Roles()
    arrival: Arrival = Arrival()
    catch_up: CatchUp = CatchUp()
    retention: Retention = Retention()
    demo: Demo
    derived_from: str = ""

    def __post_init__(self) -> None:
        check_types(self)
        check(bool(NAME.fullmatch(self.dataset)), f"a use case's name is lower_case, got {self.dataset!r}")
        self._check_horizons()
        check_unique("tables", (table.name for table in self.tables))
        for one, other in safe_names.case_collisions(outputs(self.all_features)):
            raise DeclarationError(
                f"the features {one!r} and {other!r} differ only in upper and lower case, which a table of features does "
                "not tell apart: give one another name"
            )
        check_ratios(self.all_features)
        check_unique("edge cases", (each.name for each in self.edge_cases))
        check_unique("candidates", (candidate.name for candidate in self.candidates))
        check_unique("baselines", (baseline.name for baseline in self.baselines))
        for baseline in self.baselines:
            if isinstance(baseline, RecentRate | RecentMean):
                means = outputs(each for each in self.model_features if isinstance(each, Window) and each.how == "mean")
                check(
                    baseline.feature in means,
                    f"{type(baseline).__name__}(feature={baseline.feature!r}) must name one of the windows' means: "
                    f"{list(means)}",
                )
        for name in outputs(self.all_features):
            check(
                name.lower() not in _RESERVED,
                f"a feature cannot be called {name!r}: every table of features has that column",
            )
        check(bool(self.features), f"use case {self.name!r} declares no features")
        check(bool(self.candidates), f"use case {self.name!r} declares no candidates")
        check(0 < self.matured_share <= 1, f"matured_share lies between 0 and 1, got {self.matured_share}")
        known = {table.name for table in self.tables}
        for referrer, name in (
            ("entities", self.entities),
            ("task.table", self.task.table),
            *self._referenced_tables(),
        ):
            check(name in known, f"{referrer} names the table {name!r}, but {self.name!r} declares {sorted(known)}")
        check(
            self.table(self.entities).night is not None,
            f"the entity table {self.entities!r} must name its night column",
        )
        for period in (self.demo.history, self.demo.nights):
            self._check_nights(period)
        self._check_no_cycle()
        retention_rules.check_sufficient(self.retention, self._retention_needs())
        check_unique("expectations", (each.name for each in self.expectations))
        task_compatibility.check_fits_task(self.task, self.cost, self.candidates, self.baselines, self.expectations)
        for declaration, feature in (
            *(
                (f"the expectation {each.name!r} of", feature_name)
                for each in self.expectations
                for feature_name, _ in each.variants[0]
            ),
            *(("Slice", each.feature) for each in self.slices),
            *(("DeterministicLevels", each.feature) for each in self.deterministic_levels),
        ):
            check(feature in self.feature_names, f"{declaration}(feature={feature!r}) must name one of the features")
            check(
                feature not in [text.column for text in self.texts],
                f"{declaration}(feature={feature!r}) names a text, which has no levels: name a category",
            )

    def _retention_needs(self) -> Iterable[RetentionNeed]:
        yield from retention_rules.needs(self.schedule, self.all_features, self.gates, self.triggers, self.publication)
        yield from retention_rules.release_needs(self.release)

    def _check_nights(self, period: str) -> None:
        try:
            self.schedule.parse(period)
        except RequestError as error:
            raise DeclarationError(f"the demo of {self.name!r} runs {period}: {error}") from None

    def _check_no_cycle(self) -> None:
        """Raise DeclarationError if tables refer to each other in a cycle: none of them could be validated first."""
        references = {
            table.name: {each.table for each in table.references if each.table != table.name} for table in self.tables
        }
        try:
            TopologicalSorter(references).prepare()
        except CycleError as error:
            cycle = " -> ".join(map(repr, reversed(error.args[1])))
            raise DeclarationError(
                f"the references of {self.name!r} run in a circle, {cycle}: a table is validated after those that it "
                "refers to, so leave one of these references out"
            ) from None

    def _referenced_tables(self) -> Iterable[tuple[str, str]]:
        features = [(f"{type(f).__name__}", f.table) for f in self.all_features if isinstance(f, Lookup)]
        return [*features, *(("Reference", each.table) for table in self.tables for each in table.references)]

    def _check_horizons(self) -> None:
        """Raise DeclarationError unless the first horizon is the night, and the others are live and have own names."""
        is_night = [isinstance(each, Night) for each in self.horizons]
        check(
            is_night[:1] == [True] and not any(is_night[1:]),
            f"horizons are one Night(...), first, and then any number of Live(...); {self.dataset!r} declares "
            f"{[type(each).__name__ for each in self.horizons]}",
        )
        check_unique("horizons", (each.name for each in self.horizons))
        features = {name: each for each in (*self.features, *self.retired) for name in each.outputs}
        for horizon in self.horizons:
            check_unique("features", outputs(self.features_at(horizon)))
        for live in self.lives:
            for feature in live.features:
                for name in feature.outputs:
                    check(
                        features.setdefault(name, feature) == feature,
                        f"the feature {name!r} is declared in two ways, as {features[name]} and as {feature}: give "
                        "one another name",
                    )
        check(
            not self.derived_from or self.name in (self._name_at(live) for live in self.lives),
            f"derived_from is set by UseCase.at only: leave it out of {self.name!r}",
        )

    def _name_at(self, horizon: Night | Live) -> str:
        return self.dataset if isinstance(horizon, Night) else model_names.join(self.dataset, horizon.name)

    @property
    def dataset(self) -> str:
        """The name of the use case that declares the data: tables, labels and nights are stored under it."""
        return self.derived_from or self.name

    @property
    def schedule(self) -> Night:
        """The schedule of the nights: when data lands, and when models are measured and trained."""
        night = self.horizons[0]
        assert isinstance(night, Night)  # __post_init__ checks it
        return night

    @property
    def lives(self) -> tuple[Live, ...]:
        """The live horizons."""
        return tuple(each for each in self.horizons if isinstance(each, Live))

    @property
    def horizon(self) -> Night | Live:
        """The horizon at which the model of this declaration predicts."""
        return next(each for each in self.horizons if self._name_at(each) == self.name)

    def complete_at(self, night: date) -> datetime:
        """Return when the predictions for `night` are complete: at its cutoff; live, when the next night has landed."""
        is_live = isinstance(self.horizon, Live)
        return self.schedule.cutoff(self.schedule.previous(night, -1) if is_live else night)

    @property
    def models(self) -> tuple["UseCase", ...]:
        """The declaration at each horizon, first the night's; of a derived declaration, only itself."""
        return (self,) if self.derived_from else tuple(self.at(each.name) for each in self.horizons)

    def at(self, name: str) -> "UseCase":
        """Return the declaration of the model at the horizon called `name`; raises RequestError if there is none."""
        horizon = next((each for each in self.horizons if each.name == name), None)
        if horizon is None:
            raise RequestError(
                f"expected one of the horizons {[each.name for each in self.horizons]} of {self.dataset}, got {name!r}"
            )
        if self._name_at(horizon) == self.name:
            return self
        if self.derived_from or isinstance(horizon, Night):
            raise RequestError(f"expected {self.dataset}, which has the horizon {name!r}, got {self.name}")
        return replace(
            self,
            name=self._name_at(horizon),
            derived_from=self.dataset,
            candidates=horizon.candidates or self.candidates,
            latency_budget=horizon.latency_budget or self.latency_budget,
            size_budget=horizon.size_budget or self.size_budget,
            gates=horizon.gates or self.gates,
            triggers=horizon.triggers or self.triggers,
            release=horizon.release or self.release,
            learn_from=horizon.learn_from or self.learn_from,
        )

    @property
    def all_features(self) -> tuple[Feature, ...]:
        """The features of all horizons, and retired ones."""
        own = (each for live in self.lives for each in live.features)
        return tuple(dict.fromkeys((*self.features, *own, *self.retired)))

    @property
    def all_names(self) -> tuple[str, ...]:
        """The names of the columns of all features, at any horizon."""
        return outputs(self.all_features)

    def features_at(self, horizon: Night | Live) -> tuple[Feature, ...]:
        """Return the features that are built at `horizon`: those of the night, of a live horizon, and retired ones."""
        own = horizon.features if isinstance(horizon, Live) else ()
        return (*self.features, *own, *self.retired)

    def names_at(self, horizon: Night | Live) -> tuple[str, ...]:
        """Return the names of the columns of `features_at`."""
        return outputs(self.features_at(horizon))

    @property
    def model_features(self) -> tuple[Feature, ...]:
        """The features that the model at this horizon is trained on."""
        return tuple(each for each in self.features_at(self.horizon) if each not in self.retired)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns that the model at this horizon is trained on."""
        return outputs(self.model_features)

    @property
    def texts(self) -> tuple[Text, ...]:
        """The text features of all horizons."""
        return tuple(feature for feature in self.all_features if isinstance(feature, Text))

    @property
    def night_column(self) -> str:
        """The date column of the entity table with the night of each entity."""
        return str(self.table(self.entities).night)

    @property
    def has_confidential_columns(self) -> bool:
        """Whether any column must not be shown in logs or in reports; derived columns follow their inputs."""
        personal = (each for table in self.tables for each in table.personal)
        return any(not {"logs", "reports"} <= set(each.may_reach) for each in personal)

    def table(self, name: str) -> Table:
        """Return the table with the name `name`; raises DeclarationError if there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise DeclarationError(f"use case {self.name!r} has no table {name!r}, only {[t.name for t in self.tables]}")
