"""A gate's question with its number, its bar and its answer."""

from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    PASS = "pass"  # noqa: S105 - an answer, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"

    @classmethod
    def of(cls, holds: bool) -> "Answer":
        """Return pass where it holds, else fail."""
        return cls.PASS if holds else cls.FAIL


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One gate: its number, the bar that the number met or missed, and the answer."""

    name: str
    value: float | None
    bar: str
    answer: Answer


def at_least(name: str, value: float | None, least: float) -> Check:
    """Return a check that fails below `least`, or without a number."""
    return Check(
        name=name, value=value, bar=f"at least {least}", answer=Answer.of(value is not None and value >= least)
    )


def at_most(name: str, value: float, most: float) -> Check:
    """Return a check that fails above `most`, or where the number is none."""
    return Check(name=name, value=value, bar=f"at most {most}", answer=Answer.of(value <= most))
