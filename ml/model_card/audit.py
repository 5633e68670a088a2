"""What a model card claims, held against what was recorded when its model was judged."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from ml import targets
from ml.checks import Check, CheckStatus
from ml.model_card import card, sections
from ml.promotion.gate import GateRule, Outcome, PromotionVerdict
from ml.promotion.refit_equivalence import RefitComparison
from ml.statistics.intervals import Interval
from ml.training.selection import CandidateResult, Choice
from ml.usecase import UseCase

_MIN_SIMILARITY = 0.3


def expected_lines(payload: Mapping[str, Any], use_case: UseCase) -> list[str]:
    """Return the lines that a card must have, as the verdict's `payload` in the ledger has their numbers."""
    target = targets.target_type(use_case)
    contenders = [
        CandidateResult(**{**each, "quality": target.restore_quality(each["quality"])})
        for each in payload["candidates"]
    ]
    verdict = PromotionVerdict(
        outcome=Outcome(payload["outcome"]),
        rule=GateRule(payload["bar"]),
        gain=Interval(**payload["gain"]),
        cost_gain=Interval(**payload["cost_gain"]),
        rows=payload["judged"]["rows"],
        nights=payload["judged"]["count"],
        checks=_parse_checks(payload["checks"]),
        display_names=target.display_names,
    )
    lines = [
        *(f"* `{table}` at version {version}" for table, version in payload["reads"].items()),
        *card.dependency_lines(payload.get("dependencies", ())),
        *card.candidate_lines(contenders, Choice(name="", reason=payload["choice"])),
        *card.verdict_lines(verdict),
        *refit_lines(payload.get("refit")),
    ]
    return [line for line in lines if line]


def _parse_checks(payloads: Sequence[Mapping[str, Any]]) -> tuple[Check, ...]:
    return tuple(Check(**{**each, "status": CheckStatus(each["status"])}) for each in payloads)


def refit_lines(refit_payload: Mapping[str, Any] | None) -> list[str]:
    """Return the lines on a refit, as the verdict in the ledger has it; none where there was none."""
    return (
        sections.refit_section(RefitComparison(**{**refit_payload, "checks": _parse_checks(refit_payload["checks"])}))
        if refit_payload
        else []
    )


def mismatches(text: str, expected: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence for each of the `expected` lines that a card does not have, with what it says in its place."""
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
