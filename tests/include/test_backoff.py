"""What keeps failing is tried again, ever more seldom, and never given up."""

from hypothesis import given
from hypothesis import strategies as some

from include import backoff
from include.backoff import Backoff


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@given(failures=some.integers(1, 10_000), attempt=some.floats(0, 1e4))
def test_a_delay_is_bounded_grows_and_leaves_nine_tenths_of_the_time(failures: int, attempt: float) -> None:
    delay = backoff.delay(failures, attempt)
    assert backoff.delay(failures + 1, attempt) >= delay >= 10 * attempt
    assert 0 < delay <= max(15.0, 10 * attempt)


def test_an_attempt_is_due_at_first_then_after_each_delay_and_at_once_after_a_reset() -> None:
    clock = Clock()
    retry = Backoff(clock)
    assert retry.is_due
    for delay in (0.25, 0.5, 1.0):
        retry.record_failure()
        clock.seconds += delay - 0.01
        assert not retry.is_due
        clock.seconds += 0.02
        assert retry.is_due
    retry.record_failure(attempt_seconds=60)
    clock.seconds += 599
    assert not retry.is_due
    retry.reset()
    assert retry.is_due
    retry.record_failure()
    clock.seconds += 0.25
    assert retry.is_due
