"""The facts of a demo run, read from the warehouse and the ledger: nights, retraining requests, releases."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from include.dashboard import pending_approvals
from include.dashboard.pending_approvals import CheckResult
from include.report.live_day import LiveDay
from include.report.live_day import describe as describe_live_day
from include.steps.features import table_versions
from include.stores import ledger, warehouse
from ml import targets
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, Promoted, RetrainingDecided, Verdict
from ml.model_card import audit, candidate_section
from ml.monitoring.retraining_gain import RetrainingGain
from ml.promotion.gate import Outcome
from ml.statistics import intervals
from ml.targets import DisplayNames
from ml.usecase import UseCase
from ml.usecase.periods import Period

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Night:
    """One night's rows, scores and quality; `loss` and `calibration_gap` are None until its labels have matured."""

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
    """A night on which retraining was requested, the trigger that fired, and the verdict; "" while there is none."""

    night: str
    trigger: str
    outcome: str = ""
    reason: str = ""

    @property
    def summary(self) -> str:
        """The trigger and, once there is a verdict, its outcome."""
        return ": ".join(filter(None, [self.trigger.replace("_", " "), self.outcome]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A challenger that was judged: its verdict, the interval of its gain, and who approved it.

    `comparisons` is the table of the differences between candidates, a header and rows; () if none were compared.
    `unprofitable_features` have a cost and no proven benefit; None if that was not measured. `pictures` names the plots
    in the folder of its model card.
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
    comparisons: tuple[tuple[str, ...], ...]
    checks: tuple[CheckResult, ...]
    approved_by: tuple[str, ...]
    unprofitable_features: tuple[str, ...] | None = None
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """The content of the report on one use case's demo run; `table_versions` maps scored nights to table versions.

    `retraining_gain` is what the released models gained over the first one; None if there is nothing to compare.
    """

    use_case: str
    display_names: DisplayNames
    nights: tuple[Night, ...]
    retrains: tuple[Retrain, ...]
    releases: tuple[Release, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    table_versions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    retraining_gain: RetrainingGain | None = None
    live_day: LiveDay | None = None

    @property
    def live_sentence(self) -> str:
        """What the live day showed, in a sentence; "" without one."""
        return "" if self.live_day is None else describe_live_day(self.live_day, self.display_names)

    @property
    def gain_sentence(self) -> str:
        """What retraining was worth, in a sentence; "" if there is nothing to compare."""
        return "" if self.retraining_gain is None else describe_gain(self.retraining_gain, self.display_names)

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
            "retraining_gain": None if self.retraining_gain is None else asdict(self.retraining_gain),
            "live_day": None if self.live_day is None else asdict(self.live_day),
            "seconds": {stage: round(seconds, 2) for stage, seconds in self.seconds.items()},
        }


def describe_gain(gain: RetrainingGain, names: DisplayNames) -> str:
    """Return the sentence on the scores as published against those of the first champion.

    >>> from ml.targets.display_names import BINARY
    >>> gain = RetrainingGain(
    ...     nights=70, rows=9000, served_loss=0.52, first_loss=0.54,
    ...     loss=intervals.Interval(value=0.02, low=0.01, high=0.03),
    ...     saved=intervals.Interval(value=800.0, low=-50.0, high=1650.0),
    ... )
    >>> print(describe_gain(gain, BINARY).partition(": a gain of ")[2])
    +0.0200 [+0.0100, +0.0300], and +800 [-50, +1,650] saved per 1000 rows
    """
    return (
        f"Retraining: on {gain.rows:,} rows of {gain.nights} nights, the published scores have a {names.loss} of "
        f"{gain.served_loss:.4f}, and the first champion alone would have {gain.first_loss:.4f}: a gain of "
        f"{gain.loss.value:+.4f} [{gain.loss.low:+.4f}, {gain.loss.high:+.4f}], and {gain.saved.value:+,.0f} "
        f"[{gain.saved.low:+,.0f}, {gain.saved.high:+,.0f}] saved per 1000 rows"
    )


def gather(
    engine: sa.Engine,
    use_case: UseCase,
    period: Period,
    seconds: Mapping[str, float],
    retraining_gain: RetrainingGain | None = None,
    live_day: LiveDay | None = None,
) -> Summary:
    """Return the summary of the nights of `period`, as known at the cutoff of the last night."""
    entries = ledger.entries(engine, use_case=use_case.name)
    decisions = [
        (entry.night, ledger_entries.read(entry, RetrainingDecided))
        for entry in entries
        if entry.kind == EntryKind.RETRAINING_DECIDED
    ]
    verdicts = [(entry, ledger_entries.read(entry, Verdict)) for entry in entries if entry.kind == EntryKind.JUDGED]
    return Summary(
        use_case=use_case.name,
        display_names=targets.target_type(use_case).display_names,
        nights=_nights(engine, use_case, period),
        retrains=tuple(_build_retrain(night, decision, verdicts) for night, decision in decisions if decision.retrain),
        releases=tuple(
            _build_release(entry, verdict, entries, targets.target_type(use_case).display_names)
            for entry, verdict in verdicts
            if verdict.package is not None
        ),
        seconds=seconds,
        table_versions={
            str(night): by_table
            for night, by_table in table_versions.scored_versions(engine, use_case).items()
            if period.first <= night <= period.last
        },
        retraining_gain=retraining_gain,
        live_day=live_day,
    )


def _nights(engine: sa.Engine, use_case: UseCase, period: Period) -> tuple[Night, ...]:
    bounds = period.first, period.last
    ingested = warehouse.ingestions(engine, use_case.dataset, *bounds)
    alerts = warehouse.alerts(engine, use_case.name, *bounds)
    maturity = {
        each.night: each
        for each in warehouse.maturity(engine, use_case.name, *bounds, use_case.schedule.cutoff(period.last))
    }
    measured = {
        (each.night, each.metric): each.value
        for each in warehouse.metrics(engine, use_case.name, *bounds, slice="all")
        if each.out_of_sample is not False
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


def _build_retrain(
    night: date | None, decision: RetrainingDecided, verdicts: Sequence[tuple[Entry, Verdict]]
) -> Retrain:
    verdict = next((verdict for entry, verdict in reversed(verdicts) if entry.night == night), None)
    return Retrain(
        night=str(night),
        trigger=str(decision.trigger),
        outcome=verdict.outcome if verdict else "",
        reason=verdict.reason if verdict else "",
    )


def _build_release(judged: Entry, verdict: Verdict, entries: tuple[Entry, ...], display_names: DisplayNames) -> Release:
    is_promoted = verdict.outcome == Outcome.PROMOTE  # a refused attempt may have produced the same package
    promoted = [
        ledger_entries.read(each, Promoted)
        for each in entries
        if is_promoted and each.kind == EntryKind.PROMOTED and each.subject == judged.subject
    ]
    assert verdict.rule is not None
    assert verdict.gain is not None
    # Verdicts from before feature importance was measured have neither field; since then, `diagnostics` is never empty.
    is_measured = bool(verdict.features_without_benefit or verdict.diagnostics)
    gain = intervals.from_stored(verdict.gain.value, verdict.gain.low, verdict.gain.high)
    return Release(
        night=str(judged.night),
        version=verdict.version,
        digest=judged.subject,
        bar=verdict.rule,
        verdict=verdict.outcome,
        gain=gain.value,
        interval=(gain.low, gain.high),
        reason=verdict.reason,
        choice=verdict.choice,
        comparisons=candidate_section.comparison_table(audit.comparisons(verdict), display_names.loss)
        if verdict.comparisons
        else (),
        checks=tuple(pending_approvals.check_results("gate", verdict.checks)),
        approved_by=promoted[0].approved_by if promoted else (),
        unprofitable_features=verdict.features_without_benefit if is_measured else None,
        pictures=verdict.plots,
    )
