"""What a person must say of an act that goes round the machine: a name, and a reason of a few words."""

from ml.errors import RequestError

_MIN_WORDS = 3


def check(action: str, who: str, why: str) -> None:
    """Raise RequestError unless `act` has somebody who answers for it, and a reason; both go into the ledger."""
    if not who.strip() or len(why.split()) < _MIN_WORDS:
        raise RequestError(f"{action} says who and, in {_MIN_WORDS} words or more, why; got {who!r}: {why!r}")
