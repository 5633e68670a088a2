"""The verdict on a canary: roll back to the champion, continue at this share, or advance to the next share."""

from dataclasses import dataclass
from enum import StrEnum

from ml.governance.checks import CheckStatus, format_number
from ml.rollout.canary import checks, experiment
from ml.rollout.canary.checks import SequentialCheck
from ml.rollout.canary.observations import CanaryObservations
from ml.targets import Target
from ml.usecase import Canary, Experiment, Milliseconds


class CanaryOutcome(StrEnum):
    """The outcome: roll back, continue at the present share, or advance to the next (after the last: promotion)."""

    ROLL_BACK = "worse"
    CONTINUE = "go on"
    ADVANCE = "enough"


@dataclass(frozen=True, kw_only=True, slots=True)
class CanaryVerdict:
    """The verdict on a canary: the outcome, the number of the canary's answers so far, and the checks."""

    outcome: CanaryOutcome
    responses: int
    checks: tuple[SequentialCheck, ...]

    @property
    def reason(self) -> str:
        """Return a sentence that names the checks that decided, or the observations that are still missing."""
        deciding_status = {
            CanaryOutcome.ROLL_BACK: CheckStatus.FAIL,
            CanaryOutcome.CONTINUE: CheckStatus.INCONCLUSIVE,
            CanaryOutcome.ADVANCE: CheckStatus.PASS,
        }
        describe = _describe_waiting if self.outcome is CanaryOutcome.CONTINUE else _describe_decided
        descriptions = "; ".join(describe(each) for each in self.checks if each.status is deciding_status[self.outcome])
        return f"{self.outcome}, after {self.responses} answers: {descriptions}"


def judge(
    observations: CanaryObservations,
    rule: Canary | Experiment,
    *,
    target: Target,
    budget: Milliseconds,
    matured_share: float,
) -> CanaryVerdict:
    """Return the verdict on a canary, under a rule of staged shares (`Canary`) or of an A/B test (`Experiment`).

    `observations` must have everything since the canary began: a check that failed once stays failed, no matter how
    often it is evaluated. `target` is the champion's target; `budget` and `matured_share` come from the use case. A
    check without enough observations, or without a number, keeps the canary at its present share.
    """
    match rule:
        case Canary():
            results = _canary_checks(observations, rule, target, budget, matured_share)
        case Experiment():
            service_results = checks.service_checks(
                observations, rule, budget, rule.false_alarm_rate / 2, min_responses=1
            )
            results = (*service_results, experiment.cost_gain_check(observations.rows, rule, target, matured_share))
    return CanaryVerdict(outcome=_decide(results), responses=len(observations.canary), checks=results)


def _decide(results: tuple[SequentialCheck, ...]) -> CanaryOutcome:
    """Return the outcome of the checks; a check that needs no observations counts only if it fails."""
    statuses = {each.status for each in results if each.min_observations or each.status is CheckStatus.FAIL}
    if CheckStatus.FAIL in statuses:
        return CanaryOutcome.ROLL_BACK
    return CanaryOutcome.CONTINUE if CheckStatus.INCONCLUSIVE in statuses else CanaryOutcome.ADVANCE


def _canary_checks(
    observations: CanaryObservations, rule: Canary, target: Target, budget: Milliseconds, matured_share: float
) -> tuple[SequentialCheck, ...]:
    """Return the six checks of a canary, which share the false alarm rate equally (Bonferroni)."""
    alpha = rule.false_alarm_rate / 6
    return (
        *checks.service_checks(
            observations, rule, budget, alpha, min_responses=rule.min_requests_at(observations.share)
        ),
        checks.rank_order_check(observations, rule, alpha),
        checks.score_level_check(observations, rule, target, alpha),
        checks.calibration_check(observations.rows, rule, target, matured_share, alpha),
        checks.cost_check(observations.rows, rule, target, matured_share, alpha),
    )


def _describe_decided(check: SequentialCheck) -> str:
    suffix = "" if check.failed_after is None else f", shown after {check.failed_after}"
    return f"{check.name} {format_number(check.value)} (bar: {check.bar}{suffix})"


def _describe_waiting(check: SequentialCheck) -> str:
    suffix = "" if check.value is not None else ", without a number"
    return f"{check.name} has {check.observed} of {check.min_observations} {check.unit}{suffix}"
