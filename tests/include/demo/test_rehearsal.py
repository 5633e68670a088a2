"""Which nights are played, and how it ends."""

import os
import signal
from datetime import date

import pytest

from include import demo
from ml.errors import RequestError
from ml.usecase import UseCase


def test_more_nights_than_the_declared_ones_are_played_when_asked_for(taxi: UseCase, gym: UseCase) -> None:
    assert str(demo.demo_nights(taxi)) == taxi.demo.nights
    assert demo.demo_nights(taxi, date(2024, 4, 2)).last == date(2024, 4, 2)
    assert demo.demo_nights(taxi, date(2024, 3, 17)).is_single_night
    with pytest.raises(RequestError, match="2024-03-16 runs backwards"):
        demo.demo_nights(taxi, date(2024, 3, 16))
    with pytest.raises(RequestError, match="the first of each month.*got 2024-05-20"):
        demo.demo_nights(gym, date(2024, 5, 20))


def test_a_signal_to_end_passes_through_every_finally_but_not_into_the_ending() -> None:
    ended: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), demo._interrupt_on_sigterm():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            with demo._ignoring_signals():
                os.kill(os.getpid(), signal.SIGTERM)
                os.kill(os.getpid(), signal.SIGINT)
            ended.append("stopped")
    assert ended == ["stopped"]
    assert signal.getsignal(signal.SIGTERM) is before
