"""The adoption of refreshes: the state of the latest recipe, and its evidence over time, from the ledger."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from include.dashboard.line_charts import Chart, Mark, Point, Series
from ml.governance import ledger_entries, ledger_text
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import AdoptionRecord, EntryKind, Promoted, RolledBack, Verdict
from ml.promotion.adoption.admission import Admission

_EVIDENCE = {
    Admission.PROOF: "as shown better",
    Admission.LICENCE: "under the licence",
    Admission.ALLOWANCE: "unproven",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedRefresh:
    """A refresh that was judged as of `night`: the evidence that admitted it, None if none did, and the record.

    `fate` says who approved it and when, and why it was rolled back; "" if it was not promoted.
    """

    night: date
    admission: Admission | None
    reason: str
    record: AdoptionRecord
    fate: str = ""

    @property
    def answer(self) -> str:
        """What became of the refresh, in a few words."""
        if self.admission is None:
            return "not admitted"
        evidence = _EVIDENCE[self.admission]
        return f"adopted {evidence}, {self.fate}" if self.fate else f"admitted {evidence}, not released"


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptionStatus:
    """The refreshes of the recipe that was judged last, oldest first; there is at least one."""

    refreshes: tuple[JudgedRefresh, ...]

    @property
    def summary(self) -> str:
        """A sentence on evidence, allowance and harm, as of the latest refresh."""
        latest = self.refreshes[-1]
        return ledger_text.describe_adoption(
            latest.night, latest.record, is_unproven=latest.admission is Admission.ALLOWANCE
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
    judged = [(each, ledger_entries.read(each, Verdict)) for each in entries if each.kind == EntryKind.JUDGED]
    refreshes = [(each, verdict) for each, verdict in judged if verdict.adoption is not None and each.night]
    if not refreshes:
        return None
    recipe, fates = refreshes[-1][1].recipe, _fates(entries)
    return AdoptionStatus(
        refreshes=tuple(
            JudgedRefresh(
                night=entry.night,
                admission=Admission(verdict.admission) if verdict.admission else None,
                reason=verdict.reason,
                record=verdict.adoption,
                fate=fates.get(entry.subject, ""),
            )
            for entry, verdict in refreshes
            if verdict.recipe == recipe and verdict.adoption is not None and entry.night
        )
    )


def _fates(entries: Sequence[Entry]) -> dict[str, str]:
    """Return, for each promoted package, who approved it and when, and why it was rolled back if it was."""
    fates = {}
    for each in entries:
        if each.kind == EntryKind.PROMOTED:
            people = " and ".join(ledger_entries.read(each, Promoted).approved_by)
            fates[each.subject] = f"approved by {people} for {each.night}"
        elif each.kind == EntryKind.ROLLED_BACK:
            back = ledger_entries.read(each, RolledBack)
            if back.from_package in fates:
                fates[back.from_package] += f"; {back.who}: {back.why}"
    return fates
