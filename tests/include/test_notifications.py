"""Whom the settings name hears of alerts, with file, reason and count; otherwise the log does."""

from collections.abc import Iterator
from datetime import date

import pytest

from include import notifications
from include.settings import Settings, load_settings
from include.stores import warehouse
from include.stores.warehouse import Alert
from tests.webhook import listening

MESSAGE = "3 rows of weather.csv quarantined: wind_speed_mph: expected less_than_or_equal_to(150), got 1048 (3)"


@pytest.fixture
def alerted(home: Settings) -> Settings:
    alert = Alert(use_case="taxi", night=date(2024, 3, 17), kind="quarantine", subject="weather.csv", message=MESSAGE)
    warehouse.raise_alert(warehouse.engine(home.warehouse_url), alert)
    return home


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, str]]]:
    with listening() as hook:
        monkeypatch.setenv("RATCHET_NOTIFY_URLS", hook.url)
        load_settings.cache_clear()
        yield hook.messages


def test_whom_the_settings_name_hears_file_reason_and_count(alerted: Settings, webhook: list[dict[str, str]]) -> None:
    assert notifications.send_alerts("taxi", "2024-03-01..2024-03-17") == 1
    (heard,) = webhook
    assert (heard["title"], heard["message"]) == ("taxi 2024-03-17: 1 alerts", MESSAGE)


def test_a_night_without_alerts_disturbs_nobody(alerted: Settings, webhook: list[dict[str, str]]) -> None:
    assert (notifications.send_alerts("taxi", "2024-03-18"), webhook) == (0, [])


def test_the_log_hears_when_nobody_is_named(alerted: Settings, caplog: pytest.LogCaptureFixture) -> None:
    notifications.send_alerts("taxi", "2024-03-17")
    assert MESSAGE in caplog.text


@pytest.mark.parametrize("url", ["json://127.0.0.1:9/nobody", "nonsense"], ids=["nobody answers", "no address"])
def test_what_cannot_be_sent_is_logged_and_no_fault(
    home: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    monkeypatch.setenv("RATCHET_NOTIFY_URLS", url)
    load_settings.cache_clear()
    assert not notifications.send("title", "body")
    assert "a notification was not delivered" in caplog.text
