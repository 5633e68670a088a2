"""The result of one check: its number, its bar, and whether the check passed."""

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    PASS = "pass"  # noqa: S105 - an answer, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"

    @classmethod
    def from_bool(cls, passed: bool) -> "CheckStatus":
        """Return PASS if `passed`, else FAIL."""
        return cls.PASS if passed else cls.FAIL


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check of a gate: the number, the bar that it is compared with, and the status."""

    name: str
    value: float | None
    bar: str
    status: CheckStatus


def at_least(name: str, value: float | None, minimum: float) -> Check:
    """Return a check that fails if `value` is below `minimum` or missing.

    >>> str(at_least("ROC AUC", 0.7, 0.55).status), str(at_least("ROC AUC", None, 0.55).status)
    ('pass', 'fail')
    """
    return Check(
        name=name,
        value=value,
        bar=f"at least {minimum}",
        status=CheckStatus.from_bool(value is not None and value >= minimum),
    )


def at_most(name: str, value: float, maximum: float) -> Check:
    """Return a check that fails if `value` is above `maximum` or NaN.

    >>> str(at_most("log loss", 0.69, 0.69).status), str(at_most("log loss", float("nan"), 0.69).status)
    ('pass', 'fail')
    """
    return Check(name=name, value=value, bar=f"at most {maximum}", status=CheckStatus.from_bool(value <= maximum))
