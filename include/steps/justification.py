"""What a person must say of an act that goes round the machine: a name, and a reason of a few words."""

from ml.errors import RequestError

_LEAST_WORDS = 3


def require(act: str, who: str, why: str) -> None:
    """Raise RequestError unless `act` has somebody who answers for it, and a reason; both go into the ledger."""
    if not who.strip() or len(why.split()) < _LEAST_WORDS:
        raise RequestError(f"{act} says who and, in {_LEAST_WORDS} words or more, why; got {who!r}: {why!r}")
