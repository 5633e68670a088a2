"""What a model card claims, held against what was recorded when its model was judged."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from ml import targets
from ml.checks import Answer, Check
from ml.model_card import card, sections
from ml.promotion.gate import Bar, Outcome, Verdict
from ml.promotion.refit_equivalence import Refitted
from ml.statistics.intervals import Interval
from ml.training.selection import Choice, Contender
from ml.usecase import UseCase

_ALIKE = 0.3


def recorded(payload: Mapping[str, Any], use_case: UseCase) -> list[str]:
    """Return the lines that a card must have, as the verdict's `payload` in the ledger has their numbers."""
    target = targets.of(use_case)
    contenders = [Contender(**{**each, "quality": target.recall(each["quality"])}) for each in payload["candidates"]]
    verdict = Verdict(
        outcome=Outcome(payload["outcome"]),
        bar=Bar(payload["bar"]),
        gain=Interval(**payload["gain"]),
        cost_gain=Interval(**payload["cost_gain"]),
        rows=payload["judged"]["rows"],
        nights=payload["judged"]["count"],
        checks=_checks(payload["checks"]),
        words=target.words,
    )
    lines = [
        *(f"* `{table}` at version {version}" for table, version in payload["reads"].items()),
        *card.dependencies(payload.get("dependencies", ())),
        *card.candidates(contenders, Choice(name="", reason=payload["choice"])),
        *card.verdict(verdict),
        *refitted(payload.get("refit")),
    ]
    return [line for line in lines if line]


def _checks(told: Sequence[Mapping[str, Any]]) -> tuple[Check, ...]:
    return tuple(Check(**{**each, "answer": Answer(each["answer"])}) for each in told)


def refitted(told: Mapping[str, Any] | None) -> list[str]:
    """Return the lines on a refit, as the verdict in the ledger has it; none where there was none."""
    return sections.refitted(Refitted(**{**told, "checks": _checks(told["checks"])})) if told else []


def faults(text: str, expected: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence for each of the `expected` lines that a card does not have, with what it says in its place."""
    found = text.splitlines()
    return tuple(_fault(line, found) for line in expected if line not in found)


def _fault(line: str, found: Sequence[str]) -> str:
    nearest = max(found, key=lambda each: SequenceMatcher(None, line, each).ratio(), default="")
    if SequenceMatcher(None, line, nearest).ratio() < _ALIKE:
        return f"nothing says: {line}"
    told = [f"{now!r} where {was!r} was recorded" for was, now in _changed(line.split(), nearest.split())]
    return f"{'; '.join(told) or 'other spaces than recorded'}, in: {nearest}"


def _changed(was: list[str], now: list[str]) -> Iterator[tuple[str, str]]:
    for what, i, j, k, m in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if what != "equal":
            yield " ".join(was[i:j]), " ".join(now[k:m])
