import pytest

from include import stopwatch
from include.stopwatch import Stopwatch


def test_a_stopwatch_adds_up_what_is_entered_twice_also_when_it_ends_in_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = iter([0.0, 2.0, 10.0, 11.0, 20.0, 23.0])
    monkeypatch.setattr(stopwatch.time, "monotonic", lambda: next(moments))
    watch = Stopwatch()
    for stage in ("nights", "retraining"):
        with watch(stage):
            pass
    with pytest.raises(KeyboardInterrupt), watch("nights"):
        raise KeyboardInterrupt
    assert watch.seconds == {"nights": 5.0, "retraining": 1.0}
