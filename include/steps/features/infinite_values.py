"""Alerts for features that are infinite in some rows of a night, raised where the features are built."""

import logging
from datetime import date

import pandas as pd

from include.steps.context import StepContext
from include.stores import warehouse
from include.stores.warehouse import Alert
from ml.features import infinity
from ml.ingestion.availability import NIGHT
from ml.usecase import Live, Night
from ml.usecase.periods import Period

KIND, LIVE_KIND = "infinite_values", "infinite_live_values"
_LOG = logging.getLogger(__name__)


def alert(context: StepContext, horizon: Night | Live, period: Period, built: pd.DataFrame) -> None:
    """Raise an alert for each feature and night of `period` with infinite values; withdraw those that no longer hold."""
    kind, names = LIVE_KIND if isinstance(horizon, Live) else KIND, context.case.names_at(horizon)
    engine, name = context.engine, context.case.name
    previous = {each.night for each in warehouse.alerts(engine, name, period.first, period.last) if each.kind == kind}
    alerts = _alerts(name, kind, names, built) if len(built) and infinity.count(built, names) else {}
    for night in sorted(previous | set(alerts)):
        warehouse.replace_alerts(engine, name, night, (kind,), alerts.get(night, []))


def _alerts(use_case: str, kind: str, names: tuple[str, ...], built: pd.DataFrame) -> dict[date, list[Alert]]:
    alerts: dict[date, list[Alert]] = {}
    for night, rows in built.groupby(NIGHT):
        for feature, infinite in infinity.count(rows, names).items():
            described = infinity.describe({feature: infinite}, len(rows))
            _LOG.warning("%s, night %s: the feature %s", use_case, night, described)
            message = f"the feature {described}: correct how it is computed; it cannot be trained on"
            day = date.fromisoformat(str(night))
            made = Alert(use_case=use_case, night=day, kind=kind, subject=feature, message=message)
            alerts.setdefault(day, []).append(made)
    return alerts
