"""The nights that a model learned from, by the facts of its package; a score of a later night is out of sample."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnedSpan:
    """The last night that a model learned from, None if no fact names one.

    `is_complete` says whether the facts cover everything: fitting, tuning, calibration, the choice among candidates,
    and the nights on which the gate judged it.
    """

    until: date | None = None
    is_complete: bool = False

    def is_out_of_sample(self, night: date) -> bool | None:
        """Return whether `night` lies after all that the model learned from; None if that is not known.

        >>> span = LearnedSpan(until=date(2013, 1, 30), is_complete=True)
        >>> span.is_out_of_sample(date(2013, 1, 30)), span.is_out_of_sample(date(2013, 1, 31))
        (False, True)
        >>> LearnedSpan().is_out_of_sample(date(2013, 1, 31)) is None
        True
        """
        if self.until is not None and night <= self.until:
            return False
        return True if self.is_complete else None


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleCounts:
    """How many nights, or rows, are in sample, out of sample, and unknown."""

    in_sample: int = 0
    out_of_sample: int = 0
    unknown: int = 0

    @property
    def is_mixed(self) -> bool:
        """Whether some are not known to be out of sample."""
        return self.in_sample + self.unknown > 0

    def describe(self, unit: str) -> str:
        """Return the counts as text.

        >>> SampleCounts(in_sample=23, out_of_sample=5).describe("nights")
        '23 of 28 nights are in sample'
        >>> SampleCounts(in_sample=1, out_of_sample=2, unknown=4).describe("nights")
        '1 of 7 nights is in sample, and of 4 it is not known'
        """
        total = self.in_sample + self.out_of_sample + self.unknown
        text = f"{self.in_sample:,} of {total:,} {unit} {'is' if self.in_sample == 1 else 'are'} in sample"
        return f"{text}, and of {self.unknown:,} it is not known" if self.unknown else text


def from_facts(facts: Mapping[str, object]) -> LearnedSpan:
    """Return the span of the package with these facts.

    `fitted` has the first and last night of the rows that the released model was fitted on; a refit's are those of all
    rows. Its tuning, its calibration and the choice among candidates use nights before `used_until`, the last night
    that the gate judged on. Facts that are missing or not ISO dates leave the span incomplete.

    >>> from_facts({"fitted": ["2013-01-01", "2013-01-23"], "used_until": "2013-01-30"})
    LearnedSpan(until=datetime.date(2013, 1, 30), is_complete=True)
    >>> from_facts({"fitted": ["2013-01-01", "2013-01-23"]})
    LearnedSpan(until=datetime.date(2013, 1, 23), is_complete=False)
    """
    fitted = facts.get("fitted")
    nights = [
        _date(fitted[-1]) if isinstance(fitted, list | tuple) and fitted else None,
        _date(facts.get("used_until")),
    ]
    known = [each for each in nights if each is not None]
    return LearnedSpan(until=max(known, default=None), is_complete=len(known) == len(nights))


def count(marks: Mapping[bool | None, int]) -> SampleCounts:
    """Return the counts of `marks`, which has the number for out of sample (True), in sample (False) and unknown (None).

    >>> count({True: 5, None: 2})
    SampleCounts(in_sample=0, out_of_sample=5, unknown=2)
    """
    return SampleCounts(in_sample=marks.get(False, 0), out_of_sample=marks.get(True, 0), unknown=marks.get(None, 0))


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None
