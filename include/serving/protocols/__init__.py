"""The languages that clients speak, each of which reads rows from a body and writes answers into one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from include.serving.handler import Prediction
from include.serving.protocols import dataframes, instances, native, tensors
from include.serving.protocols.codec import ProtocolRequest, Reply
from ml.scoring.request_schema import Row


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """A way to ask, `told` to clients in a sentence. `read` raises QuestionError for a body that is none of its questions."""

    name: str
    summary: str
    read: Callable[[ProtocolRequest], list[Row]]
    write: Callable[[ProtocolRequest, Sequence[Prediction]], Reply]


NATIVE = Protocol(
    name="native",
    summary="Score rows of features, or entities that are known here.",
    read=native.read,
    write=native.write,
)
DATAFRAMES = Protocol(
    name="mlflow",
    summary="Score a frame: split, records, inputs, instances, CSV or JSON lines.",
    read=dataframes.read,
    write=dataframes.write,
)
INSTANCES = Protocol(
    name="vertex",
    summary="Score instances: objects, or lists of all features in order.",
    read=instances.read,
    write=instances.write,
)
TENSORS = Protocol(
    name="v2",
    summary="Score tensors, one for each feature, as JSON or as bytes.",
    read=tensors.read,
    write=tensors.write,
)

__all__ = ["DATAFRAMES", "INSTANCES", "NATIVE", "TENSORS", "Protocol", "ProtocolRequest", "Reply"]
