"""Verification of a model card against the ledger: the lines that it must have, and those that differ."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from ml import targets
from ml.errors import LedgerError
from ml.governance.ledger_entries import RefitRecord, StoredInterval, Verdict
from ml.model_card import candidate_section, card, sections
from ml.promotion.adoption.admission import is_unproven
from ml.promotion.gate import GateRule, Outcome, PromotionVerdict
from ml.promotion.refit_equivalence import RefitComparison
from ml.statistics import intervals
from ml.statistics.intervals import Interval
from ml.training.candidate_comparison import Comparison
from ml.training.selection import CandidateResult, Choice
from ml.usecase import UseCase

_MIN_SIMILARITY = 0.3


def expected_lines(recorded: Verdict, use_case: UseCase) -> list[str]:
    """Return the lines that a card must have, rendered from the verdict in the ledger.

    Raises LedgerError for a verdict without evidence, for which no card was written.
    """
    if recorded.rule is None or recorded.gain is None or recorded.cost_gain is None or recorded.evaluation is None:
        raise LedgerError(f"expected a verdict on a package, got one without evidence: {recorded.reason}")
    target = targets.target_type(use_case)
    contenders = [
        CandidateResult(
            name=each.name,
            quality=target.restore_quality(each.quality),
            p99_latency_ms=each.p99_latency_ms,
            package_mb=each.package_mb,
            memory_mb=each.memory_mb,
        )
        for each in recorded.candidates
    ]
    choice = Choice(name="", reason=recorded.choice, comparisons=comparisons(recorded))
    verdict = PromotionVerdict(
        outcome=Outcome(recorded.outcome),
        rule=GateRule(recorded.rule),
        gain=_interval(recorded.gain),
        cost_gain=_interval(recorded.cost_gain),
        rows=recorded.evaluation.rows,
        nights=recorded.evaluation.night_count,
        checks=recorded.checks,
        display_names=target.display_names,
        centred_gain=None if recorded.centred_gain is None else _interval(recorded.centred_gain),
        admitted=recorded.reason if is_unproven(recorded.admission) else "",
    )
    lines = [
        *(f"* `{table}` at version {version}" for table, version in recorded.table_versions.items()),
        *card.dependency_lines(recorded.environment_changes),
        *candidate_section.candidate_lines(contenders, choice, target.display_names.loss),
        *card.verdict_lines(verdict),
        *refit_lines(recorded.refit),
    ]
    return [line for line in lines if line]


def comparisons(recorded: Verdict) -> tuple[Comparison, ...]:
    """Return the comparisons of candidates that are recorded in the verdict; () for those of earlier releases."""
    return tuple(
        Comparison(candidate=each.candidate, other=each.other, cost=_interval(each.cost), loss=_interval(each.loss))
        for each in recorded.comparisons
    )


def refit_lines(recorded: RefitRecord | None) -> list[str]:
    """Return the lines on the refit that is recorded in the verdict; [] without a refit."""
    if recorded is None:
        return []
    return sections.refit_section(RefitComparison(judged=recorded.judged, refit=recorded.refit, checks=recorded.checks))


def _interval(stored: StoredInterval) -> Interval:
    return intervals.from_stored(stored.value, stored.low, stored.high)


def mismatches(text: str, expected: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence for each of the `expected` lines that a card does not have.

    The sentence names the words that differ in the most similar line.

    >>> mismatches("# taxi\\nlog loss 0.52 on 900 rows", ["log loss 0.51 on 900 rows"])
    ("'0.52' where '0.51' was recorded, in: log loss 0.52 on 900 rows",)
    >>> mismatches("log loss 0.51 on 900 rows", ["log loss 0.51 on 900 rows"])
    ()
    """
    card_lines = text.splitlines()
    return tuple(_describe_mismatch(line, card_lines) for line in expected if line not in card_lines)


def _describe_mismatch(line: str, card_lines: Sequence[str]) -> str:
    nearest = max(card_lines, key=lambda each: SequenceMatcher(None, line, each).ratio(), default="")
    if SequenceMatcher(None, line, nearest).ratio() < _MIN_SIMILARITY:
        return f"nothing says: {line}"
    differences = [
        f"{stated_text!r} where {recorded_text!r} was recorded"
        for recorded_text, stated_text in _changed_words(line.split(), nearest.split())
    ]
    return f"{'; '.join(differences) or 'other spaces than recorded'}, in: {nearest}"


def _changed_words(recorded_words: list[str], stated_words: list[str]) -> Iterator[tuple[str, str]]:
    for operation, i, j, k, m in SequenceMatcher(None, recorded_words, stated_words, autojunk=False).get_opcodes():
        if operation != "equal":
            yield " ".join(recorded_words[i:j]), " ".join(stated_words[k:m])
