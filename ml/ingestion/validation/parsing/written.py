"""Cells as a `CsvFormat` says that they are written, rewritten as the parsers read them; other cells are refused."""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from ml.arrays import Booleans
from ml.usecase.csv_format import DIRECTIVES, CsvFormat

_ISO_DAY = "%Y-%m-%d"
_LOCAL = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$"
_ZEROS_BELOW_MICROSECONDS = r"(\.[0-9]{6})0{1,3}$"
_UTC_OFFSET = 3  # hours; no change of a clock is longer

Refused = tuple[str, Booleans]  # what was expected, and the mask of the texts that are refused


def rewrite_numbers(text: pl.Series, form: CsvFormat) -> tuple[pl.Series, Sequence[Refused]]:
    """Return numbers with a decimal point and without marks between digits; yes and no as 1 and 0.

    >>> form = CsvFormat(decimal=",", thousands=".", yes=("ja",), no=("nein",))
    >>> rewrite_numbers(pl.Series(["1.234,5", "Ja", "12.34"]), form)[0].to_list()
    ['1234.5', '1', None]
    """
    rewritten = _replace_words(text, form, "1", "0")
    if form.decimal == "." and not form.thousands:
        return rewritten, ()
    decimal, thousands = re.escape(form.decimal), re.escape(form.thousands)
    digits = rf"(?:[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+|[0-9]*)" if form.thousands else "[0-9]*"
    pattern = rf"^[+-]?{digits}(?:{decimal}[0-9]*)?(?:[eE][+-]?[0-9]+)?$"
    refused = text.is_not_null() & (rewritten == text) & ~text.str.contains(pattern)
    plain = rewritten.str.replace_all(form.thousands, "", literal=True) if form.thousands else rewritten
    plain = plain.str.replace(form.decimal, ".", literal=True) if form.decimal != "." else plain
    marks = f"the decimal mark {form.decimal!r}" + (f" and groups by {form.thousands!r}" if form.thousands else "")
    return _refuse(plain, refused, f"a number with {marks}")


def rewrite_booleans(text: pl.Series, form: CsvFormat) -> pl.Series:
    """Return the declared words for yes and no as `true` and `false`."""
    return _replace_words(text, form, "true", "false")


def rewrite_dates(text: pl.Series, form: CsvFormat) -> tuple[pl.Series, Sequence[Refused]]:
    """Return dates in ISO 8601.

    >>> rewrite_dates(pl.Series(["31.12.2024", "2024-12-31"]), CsvFormat(date_format="%d.%m.%Y"))[0].to_list()
    ['2024-12-31', None]
    """
    if not form.date_format:
        return text, ()
    rewritten = _reformat(text, form.date_format, _ISO_DAY)
    return _refuse(rewritten, text.is_not_null() & rewritten.is_null(), f"a date like {_example(form.date_format)}")


def rewrite_instants(text: pl.Series, form: CsvFormat) -> tuple[pl.Series, Sequence[Refused]]:
    """Return instants in ISO 8601; those without an offset in UTC, if a time zone is declared.

    >>> form = CsvFormat(date_format="%d.%m.%Y", timezone="Europe/Berlin")
    >>> rewrite_instants(pl.Series(["01.07.2024 12:00", "27.10.2024 02:30", "31.03.2024 02:30"]), form)[0].to_list()
    ['2024-07-01T10:00:00.000000Z', None, None]
    """
    refusals: list[Refused] = []
    if form.instant_format:
        rewritten = _reformat(text, form.instant_format, "%Y-%m-%dT%H:%M:%S")
        text, refusals = _refuse(
            rewritten, text.is_not_null() & rewritten.is_null(), f"an instant like {_example(form.instant_format)}"
        )
    elif form.date_format:
        day = _pattern(form.date_format)
        parts = text.str.extract_groups(rf"^(?<day>{day})(?<rest>[T ].*)$").struct
        rewritten = _reformat(parts.field("day"), form.date_format, _ISO_DAY) + parts.field("rest")
        text, refusals = _refuse(
            rewritten,
            text.is_not_null() & rewritten.is_null(),
            f"an instant like {_example(form.date_format)} 17:45:00",
        )
    if not form.timezone:
        return text, refusals
    in_utc, more = _to_utc(text, form)
    return in_utc, [*refusals, *more]


def _to_utc(text: pl.Series, form: CsvFormat) -> tuple[pl.Series, list[Refused]]:
    """Return local instants in UTC; those with an offset, and what is no instant, as they are."""
    text = text.str.replace(_ZEROS_BELOW_MICROSECONDS, "$1")
    is_local = text.str.contains(_LOCAL).fill_null(value=False)
    clock = text.set(~is_local, None).str.replace(" ", "T", literal=True)
    seconds = clock.str.replace(r"T([0-9]{2}:[0-9]{2})$", "T$1:00")
    naive = seconds.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    first, second = (_localize(naive, form.timezone, each) for each in ("earliest", "latest"))
    exists = first.is_not_null()
    twice = exists & (first != second)
    skipped = naive.is_not_null() & ~exists
    chosen = second if form.ambiguous == "second" else first
    if form.nonexistent == "shift":  # the instant that a clock shows that was not changed
        gap = pl.duration(hours=_UTC_OFFSET)
        before = pl.select(naive - gap).to_series()
        shifted = pl.select(_localize(before, form.timezone, "earliest") + gap).to_series()
        chosen = chosen.zip_with(~skipped, shifted)
    written = chosen.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    result = written.zip_with(is_local & written.is_not_null(), text)
    missing = naive.is_not_null() & chosen.is_null()
    result, refused = _refuse(
        result, missing, f"an instant that exists in {form.timezone} (or declare CsvFormat(nonexistent=))"
    )
    if form.ambiguous != "refuse":
        return result, refused
    once = f"an instant that comes once in {form.timezone}, or with an offset (or declare CsvFormat(ambiguous=))"
    result, more = _refuse(result, twice, once)
    return result, [*refused, *more]


def _localize(naive: pl.Series, timezone: str, ambiguous: str) -> pl.Series:
    local = naive.dt.replace_time_zone(timezone, ambiguous=ambiguous, non_existent="null")  # type: ignore[arg-type]
    return local.dt.convert_time_zone("UTC")


def _reformat(text: pl.Series, form: str, into: str) -> pl.Series:
    """Return texts that have the form `form` in the form `into`; missing where they have not."""
    matching = text.set(~text.str.contains(rf"^{_pattern(form)}$").fill_null(value=False), None)
    has_clock = "%H" in form or "%I" in form
    if has_clock:
        return matching.str.to_datetime(form, time_unit="us", strict=False).dt.strftime(into)
    return matching.str.to_date(form, strict=False).dt.strftime(into)


def _pattern(form: str) -> str:
    parts = re.split(r"(%.)", form)
    return "".join(DIRECTIVES.get(each, re.escape(each)) for each in parts)


def _example(form: str) -> str:
    values = {"%Y": "2013", "%m": "02", "%d": "08", "%b": "Feb", "%B": "February", "%H": "17", "%I": "05", "%p": "PM"}
    for directive, value in (values | {"%M": "45", "%S": "00"}).items():
        form = form.replace(directive, value)
    return form


def _replace_words(text: pl.Series, form: CsvFormat, yes: str, no: str) -> pl.Series:
    lower = text.str.to_lowercase()
    replaced = text
    for words, value in ((form.yes, yes), (form.no, no)):
        matches = lower.is_in([each.strip().lower() for each in words]).fill_null(value=False)
        replaced = replaced.set(matches, value)
    return replaced


def _refuse(text: pl.Series, refused: pl.Series, expected: str) -> tuple[pl.Series, list[Refused]]:
    """Return `text` without the refused ones, and the refusal."""
    mask = np.asarray(refused.fill_null(value=False).to_numpy(), bool)
    return text.set(pl.Series(mask), None), [(expected, mask)]
