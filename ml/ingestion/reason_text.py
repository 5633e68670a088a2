"""The text of reasons: several reasons of one row are joined in one line."""

SEPARATOR = "; "


def as_one(text: str) -> str:
    """Return `text` as a part of one reason: it cannot look like several.

    >>> as_one("expected an object in JSON, got NaN; write null")
    'expected an object in JSON, got NaN, write null'
    """
    return text.replace(SEPARATOR, ", ")
