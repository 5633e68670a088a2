"""Retention: how many nights each part of a use case is kept, and the fewest that its own declarations need."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from ml.usecase.declaration import check, check_types
from ml.usecase.features import Feature, Lookup
from ml.usecase.gates import Gates
from ml.usecase.operations import Canary, Experiment, PublicationGate, Release
from ml.usecase.schedule import Night
from ml.usecase.triggers import Triggers

_DAYS_A_MONTH = 28
_LEARNED_NIGHTS = 4  # a training needs four nights or more before those that it judges on


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """How many nights `ratchet prune` keeps of each part, counted back from the last ingested night.

    None keeps a part for ever. Nights follow the use case's cadence. The ledger is never pruned.

    * `landing`: the landed files. A pruned night cannot be ingested again.
    * `rows`: the rows in the lake: valid, quarantined, features. Trainings and backtests use all rows that are kept.
    * `scores`: published scores, their explanations, labels, and the records of ingested files. With `Triggers.label_batch`, all labels are
      kept, because their number is compared with earlier numbers.
    * `metrics`: metrics and alerts.
    * `versions`: the tables as they were on a night: `ratchet data as-of`, explanations. The versions that the
      champion, the package for a rollback, a challenger and pending approvals were trained on are kept longer.
    * `predictions`: the prediction log, from the start of a running release at least, and the manifests of the
      snapshots that it names, with the table versions that they pin.
    * `online`: rows of Feast's online store, if it is SQLite, since the night of an entity's newest row. A night can be
      loaded again by a materialization.
    * `rescores`: the tables of rescored nights.
    * `reports`: drift pages, model cards and plots of trainings. Those of released packages are kept, except drift
      pages.
    * `candidates`: packages that were never released, with their runs and versions in MLflow; tuning studies;
      candidate files; backtests.
    """

    landing: int | None = None
    rows: int | None = None
    scores: int | None = None
    metrics: int | None = 800
    versions: int | None = 400
    predictions: int | None = 100
    online: int | None = 14
    rescores: int | None = 100
    reports: int | None = 100
    candidates: int | None = 100

    def __post_init__(self) -> None:
        check_types(self)
        for field in fields(self):
            nights = getattr(self, field.name)
            check(
                nights is None or nights >= 1,
                f"Retention({field.name}=...) is 1 night or more, or None to keep everything, got {nights}",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class RetentionNeed:
    """The fewest `nights` of a part of a `Retention` that a declaration needs, and the `reason`."""

    part: str
    nights: int
    reason: str


def needs(
    schedule: Night, features: Iterable[Feature], gates: Gates, triggers: Triggers, publication: PublicationGate
) -> Iterator[RetentionNeed]:
    """Yield the fewest nights of each part that these declarations need."""
    lookback = _lookback_nights(schedule, features)
    judged = gates.judged_nights_limit
    yield RetentionNeed(
        part="rows",
        nights=judged + _LEARNED_NIGHTS + lookback,
        reason=f"a training judges on {judged} nights and learns from {_LEARNED_NIGHTS} or more, "
        f"whose features look back {lookback}",
    )
    season = triggers.drift.season_nights if triggers.drift else None
    if season:
        yield RetentionNeed(
            part="rows",
            nights=season + triggers.window_nights,
            reason=f"drift is compared with the {triggers.window_nights} nights that ended {season} nights ago",
        )
    for part in ("rows", "scores", "metrics", "predictions"):
        yield RetentionNeed(
            part=part,
            nights=triggers.window_nights + 1,
            reason=f"monitoring measures a window of {triggers.window_nights} nights before the last",
        )
    yield RetentionNeed(
        part="scores",
        nights=publication.reference_nights + 1,
        reason=f"the publication gate compares a night with the {publication.reference_nights} published before it",
    )


def release_needs(release: Release) -> Iterator[RetentionNeed]:
    """Yield the fewest nights that the canary test or the experiment of a release needs."""
    match release.canary:
        case Experiment(nights=nights):
            described = f"the experiment of a release lasts {nights} nights"
        case Canary(min_nights=nights) if nights:
            described = f"each share of a canary waits for the labels of {nights} nights"
        case _:
            return
    for part in ("scores", "predictions"):
        yield RetentionNeed(part=part, nights=nights + 1, reason=described)


def check_sufficient(retention: Retention, needed: Iterable[RetentionNeed]) -> None:
    """Raise DeclarationError when a part is kept for fewer nights than `needed`.

    >>> check_sufficient(Retention(rows=10), [RetentionNeed(part="rows", nights=12, reason="a training uses 12")])
    Traceback (most recent call last):
    ml.errors.DeclarationError: Retention(rows=10) is too short: a training uses 12; declare rows=12 or more, or None
    """
    for each in sorted(needed, key=lambda need: -need.nights):
        declared = getattr(retention, each.part)
        check(
            declared is None or declared >= each.nights,
            f"Retention({each.part}={declared}) is too short: {each.reason}; declare {each.part}={each.nights} or "
            "more, or None",
        )


def _lookback_nights(schedule: Night, features: Iterable[Feature]) -> int:
    """Return the number of nights that the lookback of the features can touch."""
    days = math.ceil(max((each.lookback_hours for each in features if isinstance(each, Lookup)), default=0) / 24)
    return days if schedule.every == "day" else math.ceil(days / _DAYS_A_MONTH)
