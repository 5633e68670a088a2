"""A gate's question with its number, its bar and its answer."""

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    PASS = "pass"  # noqa: S105 - an answer, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"

    @classmethod
    def from_bool(cls, passed: bool) -> "CheckStatus":
        """Return pass where it holds, else fail."""
        return cls.PASS if passed else cls.FAIL


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One gate: its number, the bar that the number met or missed, and the answer."""

    name: str
    value: float | None
    bar: str
    status: CheckStatus


def at_least(name: str, value: float | None, minimum: float) -> Check:
    """Return a check that fails below `least`, or without a number."""
    return Check(
        name=name,
        value=value,
        bar=f"at least {minimum}",
        status=CheckStatus.from_bool(value is not None and value >= minimum),
    )


def at_most(name: str, value: float, maximum: float) -> Check:
    """Return a check that fails above `most`, or where the number is none."""
    return Check(name=name, value=value, bar=f"at most {maximum}", status=CheckStatus.from_bool(value <= maximum))
