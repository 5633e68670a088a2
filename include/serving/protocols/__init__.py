"""The languages that clients speak, each of which reads rows from a body and writes answers into one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from include.serving.answering import Answer
from include.serving.protocols import dataframes, instances, native, tensors
from include.serving.protocols.asking import Ask, Reply
from ml.questions import Row


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """A way to ask. `read` raises QuestionError for a body that is none of its questions."""

    name: str
    read: Callable[[Ask], list[Row]]
    write: Callable[[Ask, Sequence[Answer]], Reply]


NATIVE = Protocol(name="native", read=native.read, write=native.write)
DATAFRAMES = Protocol(name="mlflow", read=dataframes.read, write=dataframes.write)
INSTANCES = Protocol(name="vertex", read=instances.read, write=instances.write)
TENSORS = Protocol(name="v2", read=tensors.read, write=tensors.write)

__all__ = ["DATAFRAMES", "INSTANCES", "NATIVE", "TENSORS", "Ask", "Protocol", "Reply"]
