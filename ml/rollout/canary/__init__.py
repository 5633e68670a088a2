"""The judge of a canary: is the challenger, answering for a share of the entities, worse than the champion?

It may be asked after every answer (`evalues`), and never says more than it was shown.
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
