"""What policies came to as rows of a table, for pages, terminals and documents alike."""

from collections.abc import Iterable, Mapping

from ml.retraining.backtest.model_ageing import Aged
from ml.retraining.backtest.results import Difference, Played, Results, is_shown
from ml.statistics.intervals import Interval

NONE_SHOWN = "no difference shown"


def heads(results: Results, against: tuple[str, ...]) -> list[str]:
    """Return the heads of the table of policies; `against` names those that the others are compared with."""
    headline = results.played[0].quality.headline
    gains = [f"gain on {name}" for name in against]
    return ["policy", "asked for", "let in", *headline, "calibration gap", "saved per 1000", *gains]


def policies(results: Results, against: tuple[str, ...]) -> list[list[str]]:
    """Return a row for each policy: models asked for and let in after the first, quality, gain in loss on others."""
    return [_policy(each, results, against) for each in results.played]


def fired(results: Results) -> list[list[str]]:
    """Return for each policy that has triggers how often each was above its threshold, and when models were asked for."""
    return [[each.policy, _counts(each.fired), ", ".join(each.asked)] for each in results.played if each.fired]


def failed(results: Results) -> list[list[str]]:
    """Return for each policy how many of its models did not pass which kind of check; a model may be among several."""
    return [[each.policy, _counts(each.failed)] for each in results.played if each.failed]


AGES = ("age in nights", "models", "rows", "loses more than the freshest")


def ages(found: Iterable[Aged]) -> list[list[str]]:
    """Return a row for each age of models: how many there were, on how many rows, and what they lost more than the freshest."""
    return [[f"{each.first}-{each.last}", str(each.models), f"{each.rows:,}", told(each.excess)] for each in found]


def gain(results: Results, policy: str, other: str) -> Interval | None:
    """Return how much less a policy loses than another; None of itself."""
    for each in results.differences:
        if (each.one, each.other) == (other, policy):
            return each.loss
        if (each.one, each.other) == (policy, other):
            return Interval(value=0 - each.loss.value, low=0 - each.loss.high, high=0 - each.loss.low)
    return None


def difference(each: Difference) -> list[str]:
    """Return a row of the table of differences: both names, how much the first loses and saves more, which is better."""
    better = ("the second" if each.loss.value > 0 else "the first") if is_shown(each.loss) else NONE_SHOWN
    return [each.one, each.other, _span(each.loss), f"{each.saved.value:+,.0f}", better]


def told(interval: Interval | None) -> str:
    """Return a gain in words; one whose interval holds 0 is not called one."""
    if interval is None:
        return ""
    if interval.low == interval.high == 0:
        return "the same answers"
    return _span(interval) if is_shown(interval) else f"{NONE_SHOWN} {_span(interval)}"


def _policy(each: Played, results: Results, against: tuple[str, ...]) -> list[str]:
    quality: Mapping[str, str] = each.quality.headline
    return [
        each.policy,
        str(each.trainings),
        str(each.releases),
        *quality.values(),
        f"{each.quality.calibration_gap:+.4f}",
        f"{each.quality.saved_per_1000:,.0f}",
        *(told(gain(results, each.policy, name)) for name in against),
    ]


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}x" for name, count in counted.items())


def _span(each: Interval) -> str:
    return f"{each.value:+.4f} [{each.low:+.4f}, {each.high:+.4f}]"
