"""Send alerts and task failures to people through Apprise.

`RATCHET_NOTIFY_URLS` lists Apprise URLs, separated by spaces (`slack://...`, `mailto://...`, `json://...`). If it is
empty, messages go to the log. Alerts are also in the warehouse and in the ledger's `validated` entries.
"""

import logging

from include.settings import load_settings
from include.stores import warehouse
from ml.usecase import periods

_log = logging.getLogger(__name__)


def send_alerts(use_case: str, period: str, kind: str | None = None) -> int:
    """Send the alerts of the last night of `period`, all or those of one `kind`, and return how many there are."""
    night = periods.parse(period).last
    night_alerts = warehouse.alerts(warehouse.engine(load_settings().warehouse_url), use_case, night, night)
    alerts = [each for each in night_alerts if kind in (None, each.kind)]
    if alerts:
        send(f"{use_case} {night}: {len(alerts)} alerts", "\n".join(each.message for each in alerts))
    return len(alerts)


def send(title: str, body: str) -> bool:
    """Send a message to every URL, or to the log when none is set; return whether every delivery succeeded.

    A message that cannot be sent is logged as an error and raises nothing: a failed notification must not fail the
    task.
    """
    urls = load_settings().notify_urls
    if not urls:
        _log.warning("%s\n%s", title, body)
        return True
    import apprise

    service = apprise.Apprise()
    refused = [url.split(":", 1)[0] for url in urls if not service.add(url)]
    sent = bool(service.notify(title=title, body=body)) and not refused
    if not sent:
        _log.error("a notification was not delivered (%s): %s\n%s", ", ".join(refused) or "no answer", title, body)
    return sent
