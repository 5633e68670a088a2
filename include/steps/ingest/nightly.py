"""A period from landing to features, as a person or a replay takes it: the steps of the DAG `ingest`, in its order."""

from dataclasses import dataclass

from include.steps import ingest
from include.steps.features import build


@dataclass(frozen=True, kw_only=True, slots=True)
class NightlyResult:
    """How many rows of the period's files came in and were valid, and how many entities have features."""

    rows_in: int
    rows_valid: int
    rows_quarantined: int
    entities: int


def run(use_case: str, period: str) -> NightlyResult:
    """Ingest `period` and build its features; taken again, it is replaced. Raises what those two steps raise."""
    counts = ingest.ingest(use_case, period)
    return NightlyResult(**counts, entities=build.build(use_case, period))
