"""The nightly guard of adopted models: without a person, it puts the predecessor or the last proven model back."""

from dataclasses import dataclass, replace

from include import notifications
from include.steps import release_state
from include.steps.adoption import line as lines
from include.steps.adoption import record, standing_approval
from include.steps.adoption.gains import PackageGains
from include.steps.adoption.line import RecipeLine
from include.steps.context import NightContext
from include.stores import ledger, table_snapshot, warehouse
from include.stores.warehouse import Alert
from ml.errors import SCORING_ERRORS
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, Promoted, RolledBack, Verdict
from ml.promotion.adoption import guard
from ml.promotion.adoption.admission import is_unproven

_WHO = "the guard of adoptions"


@dataclass(frozen=True, kw_only=True, slots=True)
class PutBack:
    """A model to put back, and why; `ends` is the recipe of which nothing more is adopted unproven, if it ends."""

    digest: str
    reason: str
    ends: str | None = None


def examine(use_case: str, night: str) -> str | None:
    """Put another model back if, with the labels known by `night`, the adopted champion is shown worse.

    Returns the package that was put back, None if there was no need. An interrupted examination continues; running a
    night again changes nothing more. A fault in the numbers is an alert and changes nothing.
    """
    context = NightContext.load_night(use_case, night)
    promoted = ledger.champion(context.engine, context.case.name)
    if context.case.adoption is None or promoted is None:
        return None
    if promoted.kind != EntryKind.PROMOTED:
        release_state.sync(context)  # an earlier try may have been interrupted after its entry
        return None
    try:
        put_back = _find(context, promoted)
    except SCORING_ERRORS as error:
        _alert(context, promoted.subject, f"the champion cannot be compared with the model that it replaced: {error}")
        return None
    if put_back is None:
        return None
    _apply(context, promoted, put_back)
    return put_back.digest


def _find(context: NightContext, promoted: Entry) -> PutBack | None:
    recipe = _recipe(context, promoted.subject)
    line = lines.read(context, recipe)
    if line is None or not line.terms or line.terms[-1].digest != promoted.subject:
        return None
    assert promoted.night is not None
    gains = PackageGains(
        context=context,
        tables=table_snapshot.take(context.case, context.settings),
        first=min([promoted.night, *(term.after for term, _ in line.unproven_terms)]),
        last=context.night,
    )
    return _exhausted(context, promoted, line, gains) or _shown_worse(context, promoted, line, gains)


def _exhausted(context: NightContext, promoted: Entry, line: RecipeLine, gains: PackageGains) -> PutBack | None:
    """Return the last proven model if the unproven ones after it have used up the harm budget.

    The budget is that of the standing approval under which the champion was adopted, if that is smaller.
    """
    declared = context.case.adoption
    assert declared is not None
    if line.stopped or not is_unproven(line.terms[-1].admission):
        return None
    standing = ledger_entries.read(promoted, Promoted).standing
    budget = standing_approval.harm_budget(context, standing, declared.harm_budget)
    harm = record.harm_by_night(context, line, gains)
    if guard.exhausted_after(harm, replace(declared, harm_budget=budget)) is None:
        return None
    reason = (
        f"the harm budget is used up: {guard.harm(harm):.3f} of {budget:g} lost beyond the last "
        f"proven model in {len(harm)} nights; refreshes of this recipe are admitted by proof only from now on"
    )
    return PutBack(digest=line.proven, reason=reason, ends=line.recipe)


def _shown_worse(context: NightContext, promoted: Entry, line: RecipeLine, gains: PackageGains) -> PutBack | None:
    declared = context.case.adoption
    assert declared is not None
    assert promoted.night is not None
    predecessor = line.terms[-2].digest if len(line.terms) > 1 else line.anchor
    if predecessor == promoted.subject:
        return None
    first = context.case.schedule.previous(promoted.night, -1)
    series = gains.nightly(promoted.subject, predecessor, first, context.night, context.night)
    if series is None or guard.rolled_back_after(series, declared) is None:
        return None
    reason = f"rolled back: shown worse than its predecessor after {len(series.loss)} nights"
    return PutBack(digest=predecessor, reason=reason)


def _recipe(context: NightContext, digest: str) -> str:
    judged = ledger.entries(context.engine, use_case=context.case.name, kind=EntryKind.JUDGED, subject=digest)
    recorded = ledger_entries.read(judged[-1], Verdict).recipe if judged else None
    return recorded if recorded is not None else lines.packaged_recipe(context, digest)


def _apply(context: NightContext, promoted: Entry, put_back: PutBack) -> None:
    ledger.append(
        context.engine,
        kind=EntryKind.ROLLED_BACK,
        use_case=context.case.name,
        night=release_state.latest_night(context, context.night),
        subject=put_back.digest,
        payload=RolledBack(who=_WHO, why=put_back.reason, from_package=promoted.subject, ended_recipe=put_back.ends),
        key=f"{context.case.name}:rollback:guard:{promoted.seq}",
    )
    release_state.sync(context)
    _alert(context, promoted.subject, put_back.reason)
    notifications.send(f"{context.case.name}: {EntryKind.ROLLED_BACK}", f"{put_back.digest} ({put_back.reason})")


def _alert(context: NightContext, digest: str, message: str) -> None:
    warehouse.raise_alert(
        context.engine,
        Alert(use_case=context.case.name, night=context.night, kind="adoption", subject=digest, message=message),
    )
