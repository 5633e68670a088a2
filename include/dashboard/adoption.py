"""The adoption of refreshes: the state of the latest recipe, and its evidence over time, from the ledger."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from include.dashboard.line_charts import Chart, Mark, Point, Series
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import AdoptionRecord, EntryKind, Verdict
from ml.promotion.adoption.admission import Admission

_ADMITTED = {
    Admission.PROOF: "shown better",
    Admission.LICENCE: "adopted under the licence",
    Admission.ALLOWANCE: "adopted unproven",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedRefresh:
    """A refresh that was judged as of `night`: the evidence that admitted it, None if none did, and the record."""

    night: date
    admission: Admission | None
    reason: str
    record: AdoptionRecord

    @property
    def answer(self) -> str:
        """What became of the refresh, in a few words."""
        return "not adopted" if self.admission is None else _ADMITTED[self.admission]


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptionStatus:
    """The refreshes of the recipe that was judged last, oldest first; there is at least one."""

    refreshes: tuple[JudgedRefresh, ...]

    @property
    def summary(self) -> str:
        """A sentence on evidence, allowance and harm, as of the latest refresh."""
        latest = self.refreshes[-1]
        record = latest.record
        used = record.allowance_used + (latest.admission is Admission.ALLOWANCE)
        licence = "licensed" if record.is_licensed else f"licence at {record.licence:g}"
        return (
            f"As of {latest.night}, evidence that refreshes of this recipe are better than the anchor "
            f"{record.anchor}: e = {record.evidence:.3g} ({licence}); {used} of {record.allowance} unproven refreshes "
            f"used; {record.harm:+.3f} of {record.harm_budget:g} lost beyond the last proven model (below 0 is a gain)"
        )

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Night, answer and reason of each refresh, newest first."""
        return [(str(each.night), each.answer, each.reason) for each in reversed(self.refreshes)]

    def chart(self, marks: tuple[Mark, ...]) -> Chart:
        """Return the chart of the evidence: log10 of the e-value at each refresh, and the licence."""
        evidence = [
            Point(night=each.night, value=math.log10(max(each.record.evidence, 1e-6))) for each in self.refreshes
        ]
        licence = [Point(night=each.night, value=math.log10(each.record.licence)) for each in self.refreshes]
        series = (Series(name="evidence", points=tuple(evidence)), Series(name="licence", points=tuple(licence)))
        title = "evidence that refreshes are better than the anchor, log10 of the e-value"
        return Chart(title=title, series=series, marks=marks)


def find(entries: Sequence[Entry]) -> AdoptionStatus | None:
    """Return the status from ledger `entries`, in order, which include all verdicts; None without a judged refresh."""
    judged = [(each.night, ledger_entries.read(each, Verdict)) for each in entries if each.kind == EntryKind.JUDGED]
    refreshes = [(night, verdict) for night, verdict in judged if verdict.adoption is not None and night]
    if not refreshes:
        return None
    recipe = refreshes[-1][1].recipe
    return AdoptionStatus(
        refreshes=tuple(
            JudgedRefresh(
                night=night,
                admission=Admission(verdict.admission) if verdict.admission else None,
                reason=verdict.reason,
                record=verdict.adoption,
            )
            for night, verdict in refreshes
            if verdict.recipe == recipe and verdict.adoption is not None
        )
    )
