"""The exceptions of Ratchet. Each message says what was expected, what came, and what to do."""


class RatchetError(Exception):
    """Base class of all errors that Ratchet raises. The message is written for the person who must act."""


class DeclarationError(RatchetError):
    """A use case is declared wrongly: a value is not allowed, a column is missing, a window reaches past the cutoff."""


class RequestError(RatchetError):
    """A request of a person or a program has an unknown or malformed parameter."""


class DataError(RatchetError):
    """Input data are not usable: a file, a table or a row count violates the contract."""


class FileError(DataError):
    """A landed file cannot be read, and the others can: it is quarantined, and the night goes on."""


class RefusalError(RatchetError):
    """There are too few data to decide. This is an outcome to record, not a failure."""


class LeakError(RatchetError):
    """A feature contains information from after the cutoff. Training stops; the message names the feature."""


class PackageError(RatchetError):
    """The files of a model package do not match its manifest."""


class SignatureError(RatchetError):
    """A signature is missing, invalid, or made with a key that is not trusted."""


class CandidateFilesError(RatchetError):
    """The stored files of a candidate are missing or incomplete."""


class CardError(RatchetError):
    """A model card contradicts the record of its training."""


class FeatureError(RatchetError):
    """Features are not those that a model was trained on, or not those that are declared."""


class SnapshotError(RatchetError):
    """The files of a feature snapshot do not match its manifest, or there is no snapshot to serve."""


class ScoreRequestError(RatchetError):
    """A scoring request cannot be read, or its features are not those of the model."""


class EventPassedError(ScoreRequestError):
    """A scoring request names an entity whose event has passed, so that there is nothing to predict."""


class NotReachedError(ScoreRequestError):
    """A scoring request names an entity and a live model whose features of that entity are still to come."""


class UnknownEntityError(ScoreRequestError):
    """A scoring request names an entity without stored features and does not send the features either."""


class LedgerError(RatchetError):
    """The ledger's hash chain is broken, or a new entry contradicts an existing one."""


class ApprovalError(RatchetError):
    """A promotion lacks an approval, or an approval is for other bytes or by another person."""


class SetupError(RatchetError):
    """The machine lacks something that is needed: a free port, disk space, a permission, a Python version."""


# What scoring with a stored package raises: its files are damaged or gone, its features are declared otherwise now, or
# the rows that it needs are unusable.
SCORING_ERRORS = (PackageError, FeatureError, DataError)
