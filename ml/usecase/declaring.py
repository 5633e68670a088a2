"""What every declaration shares: a name, and a sentence where it does not hold."""

import re
from collections.abc import Iterable

from ml.errors import DeclarationError

NAME = re.compile(r"[a-z][a-z0-9_]*")


def require(holds: bool, sentence: str) -> None:
    if not holds:
        raise DeclarationError(sentence)


def require_unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        require(name not in seen, f"{what} are named once each, but {name!r} is there twice")
        seen.add(name)
