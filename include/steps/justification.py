"""The justification of a manual action: the person's name, and a reason of at least three words."""

from ml.errors import RequestError

_MIN_WORDS = 3


def check(action: str, who: str, why: str) -> None:
    """Raise RequestError unless `who` is given and `why` has at least three words; the ledger records both."""
    if not who.strip() or len(why.split()) < _MIN_WORDS:
        raise RequestError(f"{action} needs a name and, in {_MIN_WORDS} words or more, a reason; got {who!r}: {why!r}")
