"""The shadow queue: undecided challengers of another recipe than the champion's, judged again on later nights.

A challenger that the gate leaves undecided takes the place of its recipe in the queue. A newer one of the recipe
supersedes it there, and the evidence of the recipe goes on: each block of nights counts for the model that was newest
when the block began, on nights after its verdict only. It is compared with the champion that answered when the block
began. While refreshes of one recipe follow each other as champion, the evidence goes on; when the champion's recipe
changes, or after a rollback, it begins anew. What is shown is that the queued recipe is better than the champion's. The
newest model is then judged against the present champion by the gate's checks. The queue is a function of the ledger.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ml.governance import ledger_entries
from ml.governance.checks import Check, CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import AcceptanceTested, EntryKind, Verdict
from ml.promotion.adoption import evidence
from ml.promotion.adoption.evidence import GainSeries, Nightly
from ml.promotion.gate import SHOWN_BETTER, GateRule, Outcome, PromotionVerdict
from ml.usecase import Night
from ml.usecase.adoption import Adoption

KINDS = frozenset(
    {
        EntryKind.JUDGED,
        EntryKind.ACCEPTANCE_TESTED,
        EntryKind.PROMOTED,
        EntryKind.ROLLED_BACK,
        EntryKind.REJECTED,
        EntryKind.ABORTED,
    }
)
"""The kinds of ledger entries that determine the queue."""
METRIC = "shadow_queue_evidence"
"""The metric of the evidence on a member: its value, its highest value (`high`), and its number of nights (`n`)."""
_CHAMPION_KINDS = (EntryKind.PROMOTED, EntryKind.ROLLED_BACK)
_ENDING_KINDS = (EntryKind.PROMOTED, EntryKind.REJECTED, EntryKind.ABORTED)


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedModel:
    """The package of an undecided challenger, the night of its verdict, and the verdict's position in the ledger."""

    night: date
    digest: str
    seq: int


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueMember:
    """The undecided models of one recipe, oldest first, of which the newest may be released.

    The first of them came into the queue `nights_left` before the end of the stay. `recipe` is None for the previous
    champion.
    """

    recipe: str | None
    models: tuple[QueuedModel, ...]
    nights_left: int

    @property
    def newest(self) -> QueuedModel:
        """The model that supersedes the others."""
        return self.models[-1]

    @property
    def since(self) -> date:
        """The night after which the stay in the queue began."""
        return self.models[0].night

    def counted(self, since: date) -> tuple[tuple[date, str], ...]:
        """Return the packages that count as evidence after `since`, each with the night after which it may count.

        >>> models = tuple(QueuedModel(night=date(2024, 3, day), digest=f"m{day}", seq=day) for day in (1, 8, 15))
        >>> member = QueueMember(recipe="trees", models=models, nights_left=60)
        >>> [(str(night), digest) for night, digest in member.counted(date(2024, 3, 10))]
        [('2024-03-10', 'm8'), ('2024-03-15', 'm15')]
        """
        begin = max(since, self.since)
        first = [each for each in self.models if each.night <= begin][-1]
        later = [each for each in self.models if each.night > begin]
        return ((begin, first.digest), *((each.night, each.digest) for each in later))


@dataclass(frozen=True, kw_only=True, slots=True)
class ChampionTerm:
    """A champion that answers on the nights after `since`."""

    since: date
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ShadowQueue:
    """The queue as of a night: the champions of the present recipe, oldest first, and the members, newest first.

    `previous` is the champion before the present one, if it is to be compared too.
    """

    terms: tuple[ChampionTerm, ...]
    members: tuple[QueueMember, ...]
    previous: QueueMember | None = None

    @property
    def champion(self) -> str:
        """The package of the present champion."""
        return self.terms[-1].digest

    @property
    def champion_since(self) -> date:
        """The night after which the present champion answers."""
        return self.terms[-1].since

    @property
    def since(self) -> date:
        """The night after which evidence counts."""
        return self.terms[0].since

    def against_champions(self, nightly: Nightly[str]) -> Nightly[str]:
        """Return a `nightly` that compares with the champion that answered on the first of its nights."""

        def compare(
            champion: str, challenger: str, first: date, last: date, known: date, *, centred: bool = True
        ) -> GainSeries | None:
            champion = [each.digest for each in self.terms if each.since < first][-1]
            return nightly(champion, challenger, first, last, known, centred=centred)

        return compare

    @property
    def all_members(self) -> tuple[QueueMember, ...]:
        """The members, and the previous champion."""
        return (*self.members, *([self.previous] if self.previous else []))

    @property
    def packages(self) -> frozenset[str]:
        """The packages that the evidence needs, without the champion's."""
        return frozenset(model.digest for member in self.all_members for model in member.models)


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueEvidence:
    """The evidence (an e-value) that a member is better than the champions, from `nights` nights after `since`.

    `highest` is the highest value so far: the member is shown better once it has reached the level.
    """

    since: date
    nights: int = 0
    value: float = 1.0
    highest: float = 1.0


def fold(
    entries: Iterable[Entry], previous: str | None, night: date, declared: Adoption, schedule: Night
) -> ShadowQueue | None:
    """Return the queue as of `night` from ledger `entries` of `KINDS`, in order; None without a champion or a queue.

    Only entries of earlier nights count. `previous` is the package of the champion before the present one.
    """
    earlier = [each for each in entries if each.night is not None and each.night < night]
    terms = _terms(earlier)
    if not terms or not declared.queue:
        return None
    places = _places(earlier, declared, schedule)
    places.pop(_recipe(earlier, terms[-1].digest), None)
    members = (_member(recipe, models, night, declared, schedule) for recipe, models in places.items())
    newest_first = sorted(members, key=lambda each: (each.newest.night, each.newest.seq), reverse=True)
    predecessor = None
    if previous is not None and previous != terms[-1].digest:
        replaced = QueuedModel(night=terms[-1].since, digest=previous, seq=0)
        predecessor = _member(None, (replaced,), night, declared, schedule)
    return ShadowQueue(
        terms=terms,
        members=tuple(each for each in newest_first if each.nights_left >= 0)[: declared.queue],
        previous=predecessor if predecessor and predecessor.nights_left >= 0 else None,
    )


def measure(
    member: QueueMember, queue: ShadowQueue, night: date, declared: Adoption, schedule: Night, nightly: Nightly[str]
) -> QueueEvidence:
    """Return the evidence as of `night` that `member` is better than the champions of the present recipe.

    The nights of each block since the verdict, or since the first of these champions, count once the next block has
    ended, with the labels that were known then.
    """
    counted = member.counted(queue.since)
    compare = queue.against_champions(nightly)
    series = evidence.night_series(queue.champion, counted, night, schedule, compare)
    values = evidence.e_values(series, declared)
    if not len(values):
        return QueueEvidence(since=counted[0][0])
    return QueueEvidence(
        since=counted[0][0], nights=len(values), value=float(values[-1]), highest=max(1.0, float(values.max()))
    )


def judged_nights(
    member: QueueMember, queue: ShadowQueue, night: date, schedule: Night
) -> tuple[date, date, date] | None:
    """Return the first and last night that the newest model is judged again on, and the night whose labels count.

    They are those of the blocks of its evidence that began after its verdict and after the present champion came; None
    before the first of them counts.
    """
    begin, after = member.counted(queue.since)[0][0], max(member.newest.night, queue.champion_since)
    blocks = [each for each in evidence.blocks(begin, night, schedule) if each[0] > after]
    if not blocks:
        return None
    last = blocks[-1][1]
    return blocks[0][0], last, schedule.previous(last, -schedule.nights_per_block)


def admit(verdict: PromotionVerdict, measured: QueueEvidence, declared: Adoption) -> PromotionVerdict:
    """Return the gate's verdict on the newest model, with the queue's evidence in place of the interval's.

    The evidence replaces only the check that the model is shown better, and only while the mean gain is above 0, in
    loss or in centred loss. Every other check of the gate must pass.
    """
    reached = measured.highest >= declared.queue_level
    checks = tuple(_with_evidence(each, measured, declared, reached=reached) for each in verdict.checks)
    statuses = {each.status for each in checks}
    if CheckStatus.FAIL in statuses:
        return replace(verdict, checks=checks, outcome=Outcome.KEEP)
    if CheckStatus.INCONCLUSIVE in statuses:
        return replace(verdict, checks=checks, outcome=Outcome.INCONCLUSIVE)
    reason = (
        f"shown better in the shadow queue: {describe_evidence(measured, declared)} since {measured.since}; "
        f"all {len(checks)} checks passed against the champion on {verdict.nights} nights after its verdict"
    )
    return replace(verdict, checks=checks, outcome=Outcome.PROMOTE, admitted=reason)


def describe_evidence(measured: QueueEvidence, declared: Adoption) -> str:
    """Return the evidence in words.

    >>> measured = QueueEvidence(since=date(2024, 3, 1), nights=21, value=2.13, highest=3.0)
    >>> describe_evidence(measured, Adoption())
    'e = 2.1 of 40 after 21 nights'
    >>> describe_evidence(replace(measured, highest=41.0), Adoption())
    'e = 2.1 after 21 nights, 41.0 at its highest, of 40'
    """
    if measured.highest >= declared.queue_level > measured.value:
        return (
            f"e = {measured.value:.1f} after {measured.nights} nights, {measured.highest:.1f} at its highest, of "
            f"{declared.queue_level:.4g}"
        )
    return f"e = {measured.value:.1f} of {declared.queue_level:.4g} after {measured.nights} nights"


def describe(member: QueueMember, measured: QueueEvidence | None, declared: Adoption, *, is_released: bool) -> str:
    """Return what is known of a member and what follows, in a sentence.

    `is_released` says that it was judged again and may be released; `measured` is None before the first measurement.
    """
    evidence_text = "not measured yet" if measured is None else describe_evidence(measured, declared)
    left = f"{member.nights_left} nights left"
    if member.recipe is None:
        return f"previous champion, put back only by the guard or a person ({evidence_text}, {left})"
    if is_released:
        return f"shown better ({evidence_text}): its release waits for tests and people"
    if measured is not None and measured.highest >= declared.queue_level:
        return f"shown better ({evidence_text}, {left}), but another check of the gate does not pass: stays in shadow"
    return f"undecided: stays in shadow ({evidence_text}, {left})"


def _terms(entries: Sequence[Entry]) -> tuple[ChampionTerm, ...]:
    """Return the latest champions that refreshes of one recipe were, oldest first; a rollback begins anew."""
    champions = sorted(
        (each for each in entries if each.kind in _CHAMPION_KINDS), key=lambda each: (each.night or date.min, each.seq)
    )
    terms: list[ChampionTerm] = []
    recipe = _recipe(entries, champions[-1].subject) if champions else ""
    for each in reversed(champions):
        assert each.night is not None
        if terms and (not recipe or _recipe(entries, each.subject) != recipe):
            break
        terms.append(ChampionTerm(since=each.night, digest=each.subject))
        if each.kind == EntryKind.ROLLED_BACK:
            break
    return tuple(reversed(terms))


def _places(entries: Sequence[Entry], declared: Adoption, schedule: Night) -> dict[str, tuple[QueuedModel, ...]]:
    """Return the undecided models of each recipe, oldest first.

    A model that comes after the stay of the first one has ended begins another stay. A model that was promoted,
    rejected or aborted, or that failed its acceptance tests, leaves with those that it superseded.
    """
    places: dict[str, tuple[QueuedModel, ...]] = {}
    for entry in entries:
        if _ends_stay(entry):
            places = {recipe: _after_end(models, entry.subject) for recipe, models in places.items()}
        elif entry.kind == EntryKind.JUDGED and (recipe := _undecided_recipe(entry)) is not None:
            assert entry.night is not None
            model = QueuedModel(night=entry.night, digest=entry.subject, seq=entry.seq)
            stay = places.get(recipe, ())
            if stay and schedule.count(stay[0].night, model.night) > declared.queue_nights:
                stay = ()
            places[recipe] = tuple(sorted((*stay, model), key=lambda each: (each.night, each.seq)))
    return {recipe: models for recipe, models in places.items() if models}


def _ends_stay(entry: Entry) -> bool:
    if entry.kind == EntryKind.ACCEPTANCE_TESTED:
        return ledger_entries.read(entry, AcceptanceTested).outcome == CheckStatus.FAIL
    return entry.kind in _ENDING_KINDS


def _after_end(models: tuple[QueuedModel, ...], digest: str) -> tuple[QueuedModel, ...]:
    ended = [number for number, each in enumerate(models) if each.digest == digest]
    return models[ended[-1] + 1 :] if ended else models


def _undecided_recipe(entry: Entry) -> str | None:
    """Return the recipe of a package that the gate left undecided as a change, with no failed check; None for others."""
    verdict = ledger_entries.read(entry, Verdict)
    is_undecided = verdict.outcome == Outcome.INCONCLUSIVE and verdict.rule == GateRule.CHANGE
    failed = any(each.status is CheckStatus.FAIL for each in verdict.checks)
    return verdict.recipe if is_undecided and not failed and verdict.package is not None else None


def _recipe(entries: Collection[Entry], digest: str) -> str:
    """Return the recipe of the package `digest`; "" if no verdict says it."""
    judged = [each for each in entries if each.kind == EntryKind.JUDGED and each.subject == digest]
    return (ledger_entries.read(judged[-1], Verdict).recipe or "") if judged else ""


def _member(
    recipe: str | None, models: tuple[QueuedModel, ...], night: date, declared: Adoption, schedule: Night
) -> QueueMember:
    stayed = schedule.count(models[0].night, night)
    return QueueMember(recipe=recipe, models=models, nights_left=declared.queue_nights - stayed)


def _with_evidence(check: Check, measured: QueueEvidence, declared: Adoption, *, reached: bool) -> Check:
    if check.name != SHOWN_BETTER:
        return check
    status = CheckStatus.PASS if reached and check.status is not CheckStatus.FAIL else check.status
    if not reached and status is CheckStatus.PASS:
        status = CheckStatus.INCONCLUSIVE
    bar = f"evidence in the shadow queue of {declared.queue_level:g} at some time, and a mean gain above 0"
    return Check(name=SHOWN_BETTER, value=measured.highest, bar=bar, status=status, setting="adoption.queue_error")
