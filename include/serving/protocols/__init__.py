"""The protocols of the model server. Each reads rows from a request body and writes predictions to a reply."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from include.serving.handler import Prediction
from include.serving.protocols import dataframes, instances, native, tensors
from include.serving.protocols.codec import DecodedRequest, ProtocolRequest, Reply


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """One protocol. `summary` describes it to clients; `read` raises ScoreRequestError for an invalid body."""

    name: str
    summary: str
    read: Callable[[ProtocolRequest], DecodedRequest]
    write: Callable[[ProtocolRequest, Sequence[Prediction]], Reply]


NATIVE = Protocol(
    name="native",
    summary="Score rows of features, or entities of the feature snapshot.",
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
EXPLAINED = Protocol(
    name="v1_explain",
    summary="Score instances, and explain each score.",
    read=instances.read_explained,
    write=instances.write_explained,
)
TENSORS = Protocol(
    name="v2",
    summary="Score tensors, one for each feature, as JSON or as bytes.",
    read=tensors.read,
    write=tensors.write,
)

__all__ = [
    "DATAFRAMES",
    "EXPLAINED",
    "INSTANCES",
    "NATIVE",
    "TENSORS",
    "DecodedRequest",
    "Protocol",
    "ProtocolRequest",
    "Reply",
]
