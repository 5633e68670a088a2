"""The judge of a canary: is the challenger, answering for a share of the entities, worse than the champion?

It may be asked after every answer (`evalues`), and never says more than it was shown.
"""

from ml.rollout.canary.checks import Watched
from ml.rollout.canary.observations import Answers, Rows, Scores, Seen
from ml.rollout.canary.verdict import Outcome, Verdict, judge

__all__ = ["Answers", "Outcome", "Rows", "Scores", "Seen", "Verdict", "Watched", "judge"]
