"""How the CSV files of a table are written, where this differs from the default: separators, dates, local times."""

import codecs
import re
import zoneinfo
from dataclasses import dataclass, fields
from typing import Literal

from ml.usecase.declaration import check, check_types

DIRECTIVES = {  # of date formats, each with what it stands for as a regular expression
    "%Y": "[0-9]{4}",
    "%m": "[0-9]{1,2}",
    "%d": "[0-9]{1,2}",
    "%b": "[A-Za-z]{3}",
    "%B": "[A-Za-z]{3,9}",
    "%H": "[0-9]{1,2}",
    "%I": "[0-9]{1,2}",
    "%p": "[AaPp][Mm]",
    "%M": "[0-9]{2}",
    "%S": "[0-9]{2}",
}
_DATE = ("%Y", "%m|%b|%B", "%d")
_CLOCK = ("%H|%I", "%M")
_FORBIDDEN = '"\r\n\0\\ '  # as a delimiter: quotes, ends of lines, and what a cell may begin or end with
_NOT_TEXT = ("utf_7", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem")


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvFormat:
    """How the CSV files of a table are written; a cell that is written otherwise is refused, never guessed.

    * `delimiter`: the character between two cells; `encoding`: a text encoding of Python.
    * `decimal` and `thousands`: the decimal mark, and the mark between groups of three digits ("" for none).
    * `date_format`: dates in the directives of Python's strftime (`"%d.%m.%Y"`); a time of day after it is in ISO 8601.
    * `instant_format`: instants as a whole (`"%m/%d/%Y %I:%M %p"`), if their time of day is not in ISO 8601.
    * `timezone`: the zone of instants that are written without an offset. An hour that comes twice is `ambiguous`, an
      hour that is skipped is `nonexistent`; by default both are refused.
    * `yes` and `no`: texts that stand for true and false, in numbers for 1 and 0.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    date_format: str = ""
    instant_format: str = ""
    timezone: str = ""
    ambiguous: Literal["refuse", "first", "second"] = "refuse"
    nonexistent: Literal["refuse", "shift"] = "refuse"
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_types(self)
        check(
            len(self.delimiter) == 1
            and self.delimiter.isascii()
            and not self.delimiter.isalnum()
            and self.delimiter not in _FORBIDDEN,
            f"a delimiter is one ASCII character, and no letter, digit, quote or blank, got {self.delimiter!r}",
        )
        check(_is_text_encoding(self.encoding), f"encoding= is a text encoding of Python, got {self.encoding!r}")
        check(
            self.decimal != self.thousands,
            f"decimal and thousands are two different marks, got {self.decimal!r} for both",
        )
        _check_directives("date_format", self.date_format, _DATE, (*_CLOCK, "%p", "%S"))
        _check_directives("instant_format", self.instant_format, (*_DATE, *_CLOCK), ())
        check(
            ("%I" in self.instant_format) == ("%p" in self.instant_format),
            f"instant_format has %I and %p together, got {self.instant_format!r}",
        )
        check(not self.timezone or _is_timezone(self.timezone), f"timezone= is an IANA name, got {self.timezone!r}")
        words = [each.strip().lower() for each in (*self.yes, *self.no)]
        check(
            all(words) and len(set(words)) == len(words),
            f"yes= and no= have different texts that are not empty, got {self.yes} and {self.no}",
        )

    @property
    def is_default(self) -> bool:
        """Whether nothing is declared."""
        return self == CsvFormat()

    @property
    def changes_cells(self) -> bool:
        """Whether it says how cells are written, which other formats than CSV say themselves."""
        default = CsvFormat()
        of_text = ("delimiter", "encoding")
        return any(
            getattr(self, each.name) != getattr(default, each.name) for each in fields(self) if each.name not in of_text
        )


def _check_directives(field: str, text: str, needed: tuple[str, ...], refused: tuple[str, ...]) -> None:
    if not text:
        return
    present = re.findall(r"%.?", text)
    known = [each for each in present if each in DIRECTIVES]
    counts = [sum(known.count(one) for one in each.split("|")) for each in needed]
    barred = [one for each in refused for one in each.split("|")]
    check(
        known == present
        and all(count == 1 for count in counts)
        and len(set(known)) == len(known)
        and not set(known) & set(barred),
        f"{field} has each of {', '.join(each.replace('|', ' or ') for each in needed)} once, of the directives "
        f"{', '.join(each for each in DIRECTIVES if each not in barred)}, got {text!r}",
    )


def _is_text_encoding(name: str) -> bool:
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return bool(getattr(codec, "_is_text_encoding", False)) and codec.name.replace("-", "_") not in _NOT_TEXT


def _is_timezone(name: str) -> bool:
    return name in zoneinfo.available_timezones()
