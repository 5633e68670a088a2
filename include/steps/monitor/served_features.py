"""Compare the features that servers looked up with those that training reads for the same entities and cutoffs."""

import json
from datetime import date

import pandas as pd

from include.steps.context import NightContext
from include.steps.features import build as feature_step
from include.steps.monitor.performance import ALL, MetricScope
from include.steps.score import prediction_log
from include.stores import warehouse
from include.stores.table_snapshot import TableSnapshot
from include.stores.warehouse import Alert
from include.usecases import coherence
from ml.features import ENTITY, parity
from ml.features.parity import Comparison
from ml.governance import privacy
from ml.usecase import Live

ALERT_KIND = "served_features"
METRIC = f"{ALERT_KIND}_differing"


def measure(context: NightContext, tables: TableSnapshot) -> None:
    """Record how many looked-up values differ from the feature table, and raise an alert if any does.

    Compared are all entities of the last night that is over, each with its last answer: live, of the context's night,
    whose live cutoffs have all passed; at the night's horizon, of the night before. Without answers nothing is recorded.
    """
    case, alerts = context.case, list[Alert]()
    night = context.night if isinstance(case.horizon, Live) else case.schedule.previous(context.night)
    comparison = _compare(context, night, tables)
    if comparison is not None:
        scope = MetricScope(use_case=case.name, night=context.night, model_digest=ALL)
        warehouse.record_metrics(
            context.engine, [scope.metric(METRIC, float(comparison.differing_values), comparison.rows)]
        )
        if comparison.differing_values:
            alerts = [
                Alert(
                    use_case=case.name,
                    night=context.night,
                    kind=ALERT_KIND,
                    subject=str(night),
                    message=f"{comparison}; find out which of the tables changed after the answers: `ratchet features "
                    f"snapshot {case.name} <snapshot of the prediction log>` builds what was served again",
                )
            ]
    warehouse.replace_alerts(context.engine, case.name, context.night, (ALERT_KIND,), alerts)


def _compare(context: NightContext, night: date, tables: TableSnapshot) -> Comparison | None:
    """Return the comparison for the entities of `night` that were looked up; None if there are none."""
    case, names = context.case, list(context.case.feature_names)
    answers = prediction_log.looked_up(context, str(night))
    if answers.empty:
        return None
    version = feature_step.version(tables, case)
    stored = feature_step.read(context.settings.lake, case, str(night), str(night), version).set_index(ENTITY)
    stored = stored[stored.index.isin(answers["entity"])]
    if stored.empty:
        return None
    served = pd.DataFrame([json.loads(each) for each in answers["features"]], index=answers["entity"], columns=names)
    types = {name: "object" if stored[name].dtype == "category" else "float64" for name in names}
    shown = privacy.features_allowed_in(case, names, coherence.function_parameters(case), "logs", "reports")
    return parity.compare(f"answers of {night}", stored, served.astype(types), names, set(names) - set(shown))
