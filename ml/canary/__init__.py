"""The judge of a canary: is the challenger, answering for a share of the entities, worse than the champion?

It may be asked after every answer (`evalues`), and never says more than it was shown.
"""

from ml.canary.checks import Watched
from ml.canary.judging import Outcome, Verdict, judge
from ml.canary.seen import Answers, Rows, Scores, Seen

__all__ = ["Answers", "Outcome", "Rows", "Scores", "Seen", "Verdict", "Watched", "judge"]
