"""What a person should hear of: the alerts of a period and failed tasks, by Apprise to whom the settings name.

Without an address (`RATCHET_NOTIFY_URLS`: Apprise's URLs, e.g. `slack://...`, `mailto://...`, `json://...`, parted by
spaces) it is the log that hears; alerts are in the warehouse and in the ledger's `validated` rows anyway.
"""

import logging

from include.settings import load_settings
from include.stores import warehouse
from ml.usecase import periods

_log = logging.getLogger(__name__)


def send_alerts(use_case: str, period: str, kind: str | None = None) -> int:
    """Tell the alerts of `period`'s last night, all or those of a `kind`, and return how many there are."""
    night = periods.parse(period).last
    night_alerts = warehouse.alerts(warehouse.engine(load_settings().warehouse_url), use_case, night, night)
    alerts = [each for each in night_alerts if kind in (None, each.kind)]
    if alerts:
        send(f"{use_case} {night}: {len(alerts)} alerts", "\n".join(each.message for each in alerts))
    return len(alerts)


def send(title: str, body: str) -> bool:
    """Send a message to every address, or to the log when there is none; return whether each took it.

    A message that cannot be sent is logged: that somebody does not hear of a fault must not be another one.
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
        _log.error("not everybody could be told (%s): %s\n%s", ", ".join(refused) or "no answer", title, body)
    return sent
