"""Evaluation of a canary: whether the challenger, on its share of the entities, is worse than the champion.

The checks are sequential tests (`ml.statistics.sequential_tests`), which may be evaluated after every answer without
raising the false alarm rate.
"""

from ml.rollout.canary.checks import SequentialCheck
from ml.rollout.canary.observations import CanaryObservations, ComparedRows, PairedScores, Responses
from ml.rollout.canary.verdict import CanaryOutcome, CanaryVerdict, judge

__all__ = [
    "CanaryObservations",
    "CanaryOutcome",
    "CanaryVerdict",
    "ComparedRows",
    "PairedScores",
    "Responses",
    "SequentialCheck",
    "judge",
]
