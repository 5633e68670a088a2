"""The verdict on a canary: back to the champion, on to the next share, or not enough yet."""

from dataclasses import dataclass
from enum import StrEnum

from ml.promotion.gate import Answer, shown
from ml.rollout.canary import checks, experiment
from ml.rollout.canary.checks import Watched
from ml.rollout.canary.observations import Seen
from ml.targets import Target
from ml.usecase import Canary, Experiment, Milliseconds


class Outcome(StrEnum):
    """What becomes of a canary: rolled back, left as it is, or given the next share (after the last, the champion's place)."""

    WORSE = "worse"
    GO_ON = "go on"
    ENOUGH = "enough"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the judge found, after how many of the canary's answers, by which checks."""

    outcome: Outcome
    answers: int
    checks: tuple[Watched, ...]

    @property
    def reason(self) -> str:
        """Return in a sentence which checks decided, or what they wait for."""
        wanted = {Outcome.WORSE: Answer.FAIL, Outcome.GO_ON: Answer.INCONCLUSIVE, Outcome.ENOUGH: Answer.PASS}
        telling = _waiting if self.outcome is Outcome.GO_ON else _decided
        told = "; ".join(telling(each) for each in self.checks if each.answer is wanted[self.outcome])
        return f"{self.outcome}, after {self.answers} answers: {told}"


def judge(
    seen: Seen, rule: Canary | Experiment, *, target: Target, budget: Milliseconds, matured_share: float
) -> Verdict:
    """Return whether the canary is shown worse, has shown enough at its present share, or must go on.

    Give it all there is since the canary began: what was shown once stays shown, however often one looks. `target` is
    the champion's, the rest the use case's. Nothing seen is no verdict, and a number that is missing holds a share up.
    """
    match rule:
        case Canary():
            found = _watched(seen, rule, target, budget, matured_share)
        case Experiment():
            behaviour = checks.behaviour(seen, rule, budget, rule.false_alarms / 2, needed=1)
            found = (*behaviour, experiment.cost(seen.rows, rule, target, matured_share))
    return Verdict(outcome=_outcome(found), answers=len(seen.canary), checks=found)


def _outcome(found: tuple[Watched, ...]) -> Outcome:
    """Return what the checks come to; one that needs nothing to be seen holds nothing up."""
    answers = {each.answer for each in found if each.needed or each.answer is Answer.FAIL}
    if Answer.FAIL in answers:
        return Outcome.WORSE
    return Outcome.GO_ON if Answer.INCONCLUSIVE in answers else Outcome.ENOUGH


def _watched(
    seen: Seen, rule: Canary, target: Target, budget: Milliseconds, matured_share: float
) -> tuple[Watched, ...]:
    """Return the six checks of a canary, which share the chance of a false alarm (Bonferroni)."""
    alpha = rule.false_alarms / 6
    return (
        *checks.behaviour(seen, rule, budget, alpha, needed=rule.needed_at(seen.share)),
        checks.scores(seen, rule, alpha),
        checks.level(seen, rule, target, alpha),
        checks.calibration(seen.rows, rule, target, matured_share, alpha),
        checks.cost(seen.rows, rule, target, matured_share, alpha),
    )


def _decided(check: Watched) -> str:
    after = "" if check.shown_after is None else f", shown after {check.shown_after}"
    return f"{check.name} {shown(check.value)} (bar: {check.bar}{after})"


def _waiting(check: Watched) -> str:
    known = "" if check.value is not None else ", without a number"
    return f"{check.name} has {check.seen} of {check.needed} {check.of}{known}"
