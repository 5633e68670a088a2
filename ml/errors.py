"""The family of errors: each message says what was expected, what came, and what to do."""


class RatchetError(Exception):
    """Anything Ratchet refuses or cannot do; its text is written for the person who must act."""


class DeclarationError(RatchetError):
    """A use case contradicts itself: a wrong value, a missing column, a window that could see past the cutoff."""


class RequestError(RatchetError):
    """A person or a program asked with a parameter that is unknown or malformed."""


class DataError(RatchetError):
    """Input cannot be taken: a file, a table or a row count is not what the contract says."""


class RefusalError(RatchetError):
    """There is too little to decide on: an outcome to record, not a failure to mend."""


class LeakError(RatchetError):
    """A feature knows what cannot be known at the cutoff; training stops and names it."""


class PackageError(RatchetError):
    """A model package is not the bytes its manifest promises."""


class SignatureError(RatchetError):
    """What was signed does not bear a signature of a key that is trusted."""


class CandidateFilesError(RatchetError):
    """A candidate's draft is not there, or not whole, when the candidates are to be compared."""


class CardError(RatchetError):
    """A model card says something else than was recorded of its training."""


class FeatureError(RatchetError):
    """Features do not mean what a model, or the declarations, say that they mean."""


class SnapshotError(RatchetError):
    """A snapshot of features is not the bytes its manifest promises, or there is none to serve."""


class ScoreRequestError(RatchetError):
    """A client asked a server for something that cannot be read, or does not have the features of the model."""


class UnknownEntityError(ScoreRequestError):
    """A client named an entity whose features are not there, and did not send them."""


class LedgerError(RatchetError):
    """The ledger's chain is broken, or a row contradicts one already written."""


class ApprovalError(RatchetError):
    """A promotion lacks an approval, or an approval is not for these bytes by this person."""


class SetupError(RatchetError):
    """The machine does not offer what is needed: a port, room on a volume, permission, a Python."""
