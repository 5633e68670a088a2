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
    """One check of a gate: the number, the bar that it is compared with, and the status.

    `setting` is the field of the use case that sets the bar, such as `gates.min_auc`; "" if the bar is fixed.
    """

    name: str
    value: float | None
    bar: str
    status: CheckStatus
    setting: str = ""

    def describe(self) -> str:
        """Return the check's name, value and bar in one phrase, with the setting of the bar if there is one.

        >>> at_least("ROC AUC", 0.51, 0.55, setting="gates.min_auc").describe()
        'ROC AUC 0.5100 (bar: at least 0.55, set by gates.min_auc)'
        """
        setting = f", set by {self.setting}" if self.setting else ""
        return f"{self.name} {format_number(self.value)} (bar: {self.bar}{setting})"


def format_number(value: float | None) -> str:
    """Return a check's number as text.

    >>> format_number(0.0123456), format_number(None)
    ('0.0123', 'missing')
    """
    return "missing" if value is None else f"{value:.4f}"


def at_least(name: str, value: float | None, minimum: float, setting: str = "") -> Check:
    """Return a check that fails if `value` is below `minimum` or missing.

    >>> str(at_least("ROC AUC", 0.7, 0.55).status), str(at_least("ROC AUC", None, 0.55).status)
    ('pass', 'fail')
    """
    return Check(
        name=name,
        value=value,
        bar=f"at least {minimum}",
        status=CheckStatus.from_bool(value is not None and value >= minimum),
        setting=setting,
    )


def at_most(name: str, value: float, maximum: float, setting: str = "") -> Check:
    """Return a check that fails if `value` is above `maximum` or NaN.

    >>> str(at_most("log loss", 0.69, 0.69).status), str(at_most("log loss", float("nan"), 0.69).status)
    ('pass', 'fail')
    """
    status = CheckStatus.from_bool(value <= maximum)
    return Check(name=name, value=value, bar=f"at most {maximum}", status=status, setting=setting)
