"""What a first model needs, and what there is of it in the declaration, the landing area and the warehouse."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from include import usecases
from include.settings import Settings
from include.stores import landing, ledger, warehouse
from ml.errors import RequestError
from ml.training import splitting
from ml.usecase import Binary, UseCase, periods


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """The labelled nights that a first model needs, and the nights and labels that there are.

    `landed_nights` is None if a source module lands the files, and `labels` is None before anything was ingested; it
    has the number of labels by class or, for a regression target, by "labels".
    """

    needed_nights: int
    declared_nights: int
    landed_nights: int | None
    labelled_nights: int
    labels: Mapping[str, int] | None
    classes: int

    @property
    def missing(self) -> tuple[str, ...]:
        """What is missing, each with what to do."""
        lacks = []
        if self.declared_nights < self.needed_nights:
            lacks.append(
                f"{self.needed_nights - self.declared_nights} nights of Demo(history=...): declare a longer one"
            )
        if self.landed_nights is not None and self.landed_nights < self.needed_nights:
            lacks.append(f"files of {self.needed_nights - self.landed_nights} nights: land more history")
        if self.labels is not None and self.labelled_nights < self.needed_nights:
            lacks.append(f"labels of {self.needed_nights - self.labelled_nights} nights: wait for labels, or land them")
        if self.labels is not None and self.labels and len(self.labels) < self.classes:
            lacks.append(f"labels of {self.classes} classes: all are {', '.join(self.labels)}")
        return tuple(lacks)

    def describe(self) -> str:
        """Return one sentence with every number, and what is missing."""
        landed = "files come from source.py" if self.landed_nights is None else f"files of {self.landed_nights} landed"
        counts = ", ".join(f"{name}: {count:,}" for name, count in (self.labels or {}).items()) or "none"
        known = "nothing was ingested yet" if self.labels is None else f"{self.labelled_nights} have labels ({counts})"
        lacks = f"; missing: {'; '.join(self.missing)}" if self.missing else ""
        return (
            f"a first model needs labels of {self.needed_nights} nights or more: {self.declared_nights} are declared, "
            f"{landed}, {known}{lacks}"
        )


def measure(case: UseCase, settings: Settings) -> Readiness | None:
    """Return what a first model of `case` needs and has; None if the use case has a champion."""
    engine = warehouse.engine(settings.warehouse_url) if warehouse.exists(settings.warehouse_url) else None
    if engine is not None and ledger.champion(engine, case.name) is not None:
        return None
    labels = None if engine is None else warehouse.labels(engine, case.dataset, datetime.now(UTC))
    binary = isinstance(case.task, Binary)
    counts: Mapping[str, int] | None = None
    if labels is not None:
        groups = labels["label"].map("{:g}".format) if binary else labels["label"].map(lambda _: "labels")
        counts = {str(name): int(count) for name, count in groups.value_counts().sort_index().items()}
    return Readiness(
        needed_nights=splitting.min_nights(case.gates),
        declared_nights=len(case.schedule.nights(periods.parse(case.demo.history))),
        landed_nights=None if usecases.has_module(case.name, "source") else _landed_nights(case, settings),
        labelled_nights=0 if labels is None else int(labels["night"].nunique()),
        labels=counts,
        classes=2 if binary else 1,
    )


def _landed_nights(case: UseCase, settings: Settings) -> int:
    """Return the number of nights for which a file of the entities has landed, alone or in a window."""
    location = landing.use_case_location(settings.landing, case.name)
    nights: set[date] = set()
    for name, files in landing.list_files_by_period(location, [case.entities], "", "9999").items():
        try:
            period = periods.parse(name)
        except RequestError:
            continue
        if any(each.table for each in files):
            nights.update(case.schedule.nights(period))
    return len(nights)
