"""A night before the declared history is an alert that names the history's first night."""

from include.settings import Settings
from include.steps import before_history
from include.stores import warehouse
from ml.usecase import UseCase


def test_only_nights_before_the_history_are_warned_of(home: Settings, taxi: UseCase) -> None:
    engine = warehouse.engine(home.warehouse_url)
    assert before_history.warn("taxi", "2024-03-01") is None
    for _ in range(2):
        message = before_history.warn("taxi", "2024-02-28")
    assert message is not None
    assert message.startswith("2024-02-28 is before the first night of the history of taxi, 2024-03-01")
    (alert,) = warehouse.alerts(engine, "taxi")
    assert (str(alert.night), alert.kind, alert.message) == ("2024-02-28", before_history.BEFORE_HISTORY, message)
