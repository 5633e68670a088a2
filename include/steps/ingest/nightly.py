"""Ingest a period and build its features: the steps of the DAG `ingest`, in its order, for callers outside it."""

from dataclasses import dataclass

from include.steps import ingest
from include.steps.features import build


@dataclass(frozen=True, kw_only=True, slots=True)
class NightlyResult:
    """The row counts of the period's files, and the number of entities that have features."""

    rows_in: int
    rows_valid: int
    rows_quarantined: int
    entities: int


def run(use_case: str, period: str) -> NightlyResult:
    """Ingest `period` and build its features; repeating this replaces it. Raises what the two steps raise."""
    counts = ingest.ingest(use_case, period)
    return NightlyResult(**counts, entities=build.build(use_case, period))
