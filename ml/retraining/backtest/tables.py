"""The results of a backtest as rows of tables, for web pages, terminals and documents."""

from collections.abc import Iterable, Mapping

from ml.retraining.backtest.model_ageing import LossByAge
from ml.retraining.backtest.results import PolicyDifference, PolicyResult, Results, is_significant
from ml.statistics.intervals import Interval

NO_DIFFERENCE = "no difference shown"


def headers(results: Results, references: tuple[str, ...]) -> list[str]:
    """Return the headers of the table of policies; `references` are the policies that the others are compared with.

    For each price of retraining there is a column with what is saved per 1000 rows, minus the price of the trainings.
    """
    headline = results.policies[0].quality.headline
    gains = [f"gain on {name}" for name in references]
    net = [f"net at {price:,.0f} a retraining" for price in results.prices]
    return ["policy", "asked for", "let in", *headline, "calibration gap", "saved per 1000", *net, *gains]


def policy_rows(results: Results, references: tuple[str, ...]) -> list[list[str]]:
    """Return a row for each policy: models requested and released, quality, and gain in loss over each reference."""
    return [_policy_row(each, results, references) for each in results.policies]


def fired_triggers(results: Results) -> list[list[str]]:
    """Return a row for each policy with triggers: how often each trigger fired, and the nights of all requests."""
    return [
        [each.policy, _format_counts(each.fired_counts), ", ".join(each.requested_nights)]
        for each in results.policies
        if each.fired_counts
    ]


def failed_checks(results: Results) -> list[list[str]]:
    """Return a row for each policy: for each kind of check, the number of its models that did not pass."""
    return [
        [each.policy, _format_counts(each.failed_check_counts)] for each in results.policies if each.failed_check_counts
    ]


AGE_HEADERS = ("age in nights", "models", "rows", "loses more than the freshest")


def age_rows(ages: Iterable[LossByAge]) -> list[list[str]]:
    """Return a row for each age: the numbers of models and rows, and the excess loss over the freshest model."""
    return [
        [f"{each.first}-{each.last}", str(each.models), f"{each.rows:,}", describe_gain(each.excess)] for each in ages
    ]


def gain(results: Results, policy: str, other: str) -> Interval | None:
    """Return how much lower a policy's loss is than another's, with its interval; None for the policy itself."""
    for each in results.differences:
        if (each.first, each.second) == (other, policy):
            return each.loss
        if (each.first, each.second) == (policy, other):
            return Interval(value=0 - each.loss.value, low=0 - each.loss.high, high=0 - each.loss.low)
    return None


def difference_row(each: PolicyDifference) -> list[str]:
    """Return a row: both policies, the first's loss and savings minus the second's, and which is better."""
    better = ("the second" if each.loss.value > 0 else "the first") if is_significant(each.loss) else NO_DIFFERENCE
    return [each.first, each.second, _format_interval(each.loss), f"{each.saved.value:+,.0f}", better]


def describe_gain(interval: Interval | None) -> str:
    """Return a gain with its interval as text, marked as no difference if the interval contains 0; "" for None.

    >>> describe_gain(Interval(value=0.0156, low=0.0068, high=0.0245))
    '+0.0156 [+0.0068, +0.0245]'
    >>> describe_gain(Interval(value=0.0112, low=-0.0011, high=0.0235))
    'no difference shown +0.0112 [-0.0011, +0.0235]'
    """
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
        *(f"{results.net_per_1000(each, price):,.0f}" for price in results.prices),
        *(describe_gain(gain(results, each.policy, name)) for name in references),
    ]


def _format_counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}x" for name, count in counted.items())


def _format_interval(each: Interval) -> str:
    return f"{each.value:+.4f} [{each.low:+.4f}, {each.high:+.4f}]"
