"""The line of a recipe, from the ledger: its refreshes in order, the anchor, and the champions since the anchor."""

from dataclasses import dataclass
from datetime import date

from include.steps.context import NightContext, StepContext
from include.stores import ledger, packages
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, RolledBack, Verdict
from ml.packaging import package_files
from ml.promotion.adoption.admission import Admission, is_unproven


@dataclass(frozen=True, kw_only=True, slots=True)
class Refresh:
    """A model of the recipe that was judged as of `night` against a champion, and its package."""

    night: date
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """A champion from the night after `after` on, and the evidence on which it was admitted, None for a rollback."""

    after: date
    digest: str
    admission: Admission | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipeLine:
    """The refreshes of a recipe, oldest first, and the package of its anchor.

    `terms` are the champions since the first refresh was judged, oldest first. `stopped` says why no refresh of the
    recipe is adopted unproven any more, "" if it may be.
    """

    recipe: str
    anchor: str
    refreshes: tuple[Refresh, ...]
    terms: tuple[Term, ...]
    stopped: str

    @property
    def proven(self) -> str:
        """The package of the last champion that the gate showed better; the anchor if there is none."""
        return next((each.digest for each in reversed(self.terms) if each.admission is Admission.PROOF), self.anchor)

    @property
    def unproven_terms(self) -> tuple[tuple[Term, date | None], ...]:
        """The unproven champions after the last proven one, each with the night before its successor, None for none."""
        after_proof = [number for number, each in enumerate(self.terms) if each.admission is Admission.PROOF]
        first = after_proof[-1] + 1 if after_proof else 0
        ends = (*(each.after for each in self.terms[1:]), None)[: len(self.terms)]
        terms = tuple(zip(self.terms, ends, strict=True))[first:]
        return tuple((term, end) for term, end in terms if is_unproven(term.admission))

    @property
    def allowance_used(self) -> int:
        """The number of refreshes that became champion under the allowance."""
        return sum(each.admission is Admission.ALLOWANCE for each in self.terms)


def read(context: NightContext, recipe: str) -> RecipeLine | None:
    """Return the line of `recipe` before the context's night; None if none of its models was judged before.

    The anchor is the champion that the first of these models was judged against.
    """
    judged = [
        (entry, ledger_entries.read(entry, Verdict))
        for entry in ledger.entries(context.engine, use_case=context.case.name, kind=EntryKind.JUDGED)
        if entry.night is not None and entry.night < context.night
    ]
    of_recipe = sorted(
        (
            (entry.night, entry.seq, entry.subject, verdict)
            for entry, verdict in judged
            if verdict.recipe == recipe and verdict.package is not None and verdict.champion is not None and entry.night
        ),
        key=lambda each: each[:2],
    )
    if not of_recipe:
        return None
    first_night, _, _, first = of_recipe[0]
    refreshes = {night: Refresh(night=night, digest=digest) for night, _, digest, _ in of_recipe}
    return RecipeLine(
        recipe=recipe,
        anchor=str(first.champion),
        refreshes=tuple(refreshes.values()),
        terms=_terms(context, first_night, judged),
        stopped=_stopped(context, recipe),
    )


def packaged_recipe(context: StepContext, digest: str) -> str:
    """Return the recipe in the facts of a signed package; raises PackageError when it is missing or damaged."""
    files = packages.get(context.settings.packages, digest, context.settings.trusted_keys)
    return str(package_files.facts(files)["recipe"])


def _terms(context: NightContext, since: date, judged: list[tuple[Entry, Verdict]]) -> tuple[Term, ...]:
    admissions = {entry.subject: verdict.admission for entry, verdict in judged}
    again = ledger.entries(context.engine, use_case=context.case.name, kind=EntryKind.JUDGED_AGAIN)
    admissions |= {each.subject: ledger_entries.read(each, Verdict).admission for each in again}
    entries = ledger.entries_of_kinds(context.engine, context.case.name, (EntryKind.PROMOTED, EntryKind.ROLLED_BACK))
    return tuple(
        Term(after=each.night, digest=each.subject, admission=_admission(each, admissions.get(each.subject)))
        for each in entries
        if each.night is not None and since <= each.night < context.night
    )


def _admission(entry: Entry, recorded: str | None) -> Admission | None:
    return Admission(recorded) if entry.kind == EntryKind.PROMOTED and recorded else None


def _stopped(context: NightContext, recipe: str) -> str:
    """Return why the adoption of the recipe's unproven refreshes has ended, "" if it has not."""
    entries = ledger.entries(context.engine, use_case=context.case.name, kind=EntryKind.ROLLED_BACK)
    rollbacks = [ledger_entries.read(each, RolledBack) for each in entries if each.night and each.night < context.night]
    reasons = [each.why for each in rollbacks if each.ended_recipe == recipe]
    return reasons[-1] if reasons else ""
