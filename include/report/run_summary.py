"""The facts of a rehearsal, gathered from warehouse and ledger: nights, retrains, releases."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from include.steps.features import table_versions
from include.stores import ledger, warehouse
from ml import targets
from ml.governance.hash_chain import Entry
from ml.periods import Period
from ml.promotion.gate import Outcome
from ml.rollout.state import ReleaseEvent
from ml.targets import DisplayNames
from ml.usecase import UseCase

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Night:
    """One night's rows, scores and quality; None where its labels have not matured."""

    night: str
    rows_in: int
    rows_valid: int
    rows_quarantined: int
    scored: int
    matured: int
    loss: float | None
    calibration_gap: float | None
    alerts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrain:
    """A night that asked for retraining, and the trigger that did."""

    night: str
    trigger: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A challenger that was judged: its verdict, the interval of its gain, and who approved it.

    `unpaid` has the features that cost and are not shown to pay; None where that was not measured. `pictures` names those
    that lie beside its model card.
    """

    night: str
    version: str | None
    digest: str
    bar: str
    verdict: str
    gain: float
    interval: tuple[float, float]
    reason: str
    choice: str
    checks: tuple[Mapping[str, Any], ...]
    approved_by: tuple[str, ...]
    unprofitable_features: tuple[str, ...] | None = None
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Everything that a report says about one use case's rehearsal; `made_of` has table versions by scored night."""

    use_case: str
    display_names: DisplayNames
    nights: tuple[Night, ...]
    retrains: tuple[Retrain, ...]
    releases: tuple[Release, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    table_versions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the content of `run.json`."""
        release_fields = ("version", "digest", "verdict", "interval", "approved_by")
        return {
            "schema_version": SCHEMA_VERSION,
            "use_case": self.use_case,
            "nights": [
                {self.display_names.metric if name == "loss" else name: value for name, value in asdict(each).items()}
                for each in self.nights
            ],
            "retrains": [asdict(each) for each in self.retrains],
            "releases": [{name: asdict(each)[name] for name in release_fields} for each in self.releases],
            "seconds": {stage: round(seconds, 2) for stage, seconds in self.seconds.items()},
        }


def gather(engine: sa.Engine, use_case: UseCase, period: Period, seconds: Mapping[str, float]) -> Summary:
    """Return what the warehouse and the ledger say of the nights of `period`, as known at the last one's cutoff."""
    entries = ledger.entries(engine, use_case=use_case.name)
    return Summary(
        use_case=use_case.name,
        display_names=targets.target_type(use_case).display_names,
        nights=_nights(engine, use_case, period),
        retrains=tuple(
            Retrain(night=str(entry.night), trigger=str(entry.payload["trigger"]))
            for entry in entries
            if entry.kind == "decided" and entry.payload["retrain"]
        ),
        releases=tuple(
            _build_release(entry, entries) for entry in entries if entry.kind == "judged" and "package" in entry.payload
        ),
        seconds=seconds,
        table_versions={
            str(night): by_table
            for night, by_table in table_versions.scored_versions(engine, use_case).items()
            if period.first <= night <= period.last
        },
    )


def _nights(engine: sa.Engine, use_case: UseCase, period: Period) -> tuple[Night, ...]:
    ends = period.first, period.last
    ingested = warehouse.ingestions(engine, use_case.name, *ends)
    alerts = warehouse.alerts(engine, use_case.name, *ends)
    maturity = {
        each.night: each
        for each in warehouse.maturity(engine, use_case.name, *ends, use_case.horizon.cutoff(period.last))
    }
    measured = {
        (each.night, each.metric): each.value for each in warehouse.metrics(engine, use_case.name, *ends, slice="all")
    }
    rows = []
    for night in sorted({each.night for each in ingested}):
        tables = [each for each in ingested if each.night == night]
        night_maturity = maturity.get(night)
        rows.append(
            Night(
                night=str(night),
                rows_in=sum(each.rows_in for each in tables),
                rows_valid=sum(each.rows_valid for each in tables),
                rows_quarantined=sum(each.rows_quarantined for each in tables),
                scored=night_maturity.scored if night_maturity else 0,
                matured=night_maturity.matured if night_maturity else 0,
                loss=measured.get((night, targets.target_type(use_case).display_names.metric)),
                calibration_gap=measured.get((night, "calibration_gap")),
                alerts=sum(each.night == night for each in alerts),
            )
        )
    return tuple(rows)


def _build_release(judged: Entry, entries: tuple[Entry, ...]) -> Release:
    payload: Mapping[str, Any] = judged.payload
    earned = payload["outcome"] == Outcome.PROMOTE  # a refused attempt may have come to the same package
    promoted = [
        each for each in entries if earned and each.kind == ReleaseEvent.PROMOTED and each.subject == judged.subject
    ]
    approved: Any = promoted[0].payload["approved_by"] if promoted else []
    return Release(
        night=str(judged.night),
        version=payload.get("version"),
        digest=judged.subject,
        bar=payload["bar"],
        verdict=payload["outcome"],
        gain=payload["gain"]["value"],
        interval=(payload["gain"]["low"], payload["gain"]["high"]),
        reason=payload["reason"],
        choice=payload["choice"],
        checks=tuple(payload["checks"]),
        approved_by=tuple(approved),
        unprofitable_features=tuple(payload["not_shown_to_pay"]) if "not_shown_to_pay" in payload else None,
        pictures=tuple(payload.get("pictures", ())),
    )
