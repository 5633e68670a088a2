"""What policies came to as rows of a table, for pages, terminals and documents alike."""

from collections.abc import Iterable, Mapping

from ml.retraining.backtest.model_ageing import LossByAge
from ml.retraining.backtest.results import PolicyDifference, PolicyResult, Results, is_significant
from ml.statistics.intervals import Interval

NO_DIFFERENCE = "no difference shown"


def headers(results: Results, references: tuple[str, ...]) -> list[str]:
    """Return the heads of the table of policies; `against` names those that the others are compared with."""
    headline = results.policies[0].quality.headline
    gains = [f"gain on {name}" for name in references]
    return ["policy", "asked for", "let in", *headline, "calibration gap", "saved per 1000", *gains]


def policy_rows(results: Results, references: tuple[str, ...]) -> list[list[str]]:
    """Return a row for each policy: models asked for and let in after the first, quality, gain in loss on others."""
    return [_policy_row(each, results, references) for each in results.policies]


def fired_triggers(results: Results) -> list[list[str]]:
    """Return for each policy that has triggers how often each was above its threshold, and when models were asked for."""
    return [
        [each.policy, _format_counts(each.fired_counts), ", ".join(each.requested_nights)]
        for each in results.policies
        if each.fired_counts
    ]


def failed_checks(results: Results) -> list[list[str]]:
    """Return for each policy how many of its models did not pass which kind of check; a model may be among several."""
    return [
        [each.policy, _format_counts(each.failed_check_counts)] for each in results.policies if each.failed_check_counts
    ]


AGE_HEADERS = ("age in nights", "models", "rows", "loses more than the freshest")


def age_rows(ages: Iterable[LossByAge]) -> list[list[str]]:
    """Return a row for each age of models: how many there were, on how many rows, and what they lost more than the freshest."""
    return [
        [f"{each.first}-{each.last}", str(each.models), f"{each.rows:,}", describe_gain(each.excess)] for each in ages
    ]


def gain(results: Results, policy: str, other: str) -> Interval | None:
    """Return how much less a policy loses than another; None of itself."""
    for each in results.differences:
        if (each.first, each.second) == (other, policy):
            return each.loss
        if (each.first, each.second) == (policy, other):
            return Interval(value=0 - each.loss.value, low=0 - each.loss.high, high=0 - each.loss.low)
    return None


def difference_row(each: PolicyDifference) -> list[str]:
    """Return a row of the table of differences: both names, how much the first loses and saves more, which is better."""
    better = ("the second" if each.loss.value > 0 else "the first") if is_significant(each.loss) else NO_DIFFERENCE
    return [each.first, each.second, _format_interval(each.loss), f"{each.saved.value:+,.0f}", better]


def describe_gain(interval: Interval | None) -> str:
    """Return a gain in words; one whose interval holds 0 is not called one."""
    if interval is None:
        return ""
    if interval.low == interval.high == 0:
        return "the same answers"
    return _format_interval(interval) if is_significant(interval) else f"{NO_DIFFERENCE} {_format_interval(interval)}"


def _policy_row(each: PolicyResult, results: Results, references: tuple[str, ...]) -> list[str]:
    quality: Mapping[str, str] = each.quality.headline
    return [
        each.policy,
        str(each.trainings),
        str(each.releases),
        *quality.values(),
        f"{each.quality.calibration_gap:+.4f}",
        f"{each.quality.saved_per_1000:,.0f}",
        *(describe_gain(gain(results, each.policy, name)) for name in references),
    ]


def _format_counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}x" for name, count in counted.items())


def _format_interval(each: Interval) -> str:
    return f"{each.value:+.4f} [{each.low:+.4f}, {each.high:+.4f}]"
