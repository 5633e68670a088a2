"""The content of a snapshot: the features of a night's entities at one horizon, and the facts of its manifest.

The facts pin what the snapshot was built from: the declarations, the moment, and the version of every table. The same
pins yield the same snapshot again, to the last bit.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from include.steps.context import NightContext, StepContext
from include.steps.features import build as feature_step
from include.steps.features import feature_pins
from include.steps.features.live_tables import REQUESTED_AT, LiveTables
from include.stores import table_snapshot
from include.usecases import coherence
from ml.features import CUTOFF, ENTITY, snapshots
from ml.features.snapshots import PackedSnapshot
from ml.governance import privacy
from ml.usecase import Live


def of_night(context: NightContext, versions: Mapping[str, int] | None = None) -> PackedSnapshot | None:
    """Return the snapshot of the context's night, from the feature table; None if the night has no features.

    `versions` fixes the versions of the tables. Raises FeatureError when the night was built from other declarations.
    """
    case, tables = context.case, table_snapshot.take(context.case, context.settings, versions)
    night, version = str(context.night), feature_step.version(tables, case)
    rows = feature_step.read(context.settings.lake, case, night, night, version)
    if rows.empty:
        return None
    facts = {
        "use_case": case.name,
        "night": night,
        "cutoff": case.schedule.cutoff(context.night).isoformat(),
        "features_version": version,
        snapshots.TABLES: tables.versions,
        snapshots.SHOWN: _shown_features(context),
        **feature_pins.from_service(feature_pins.check_current(rows, context)).facts,
    }
    return snapshots.pack(rows[[ENTITY, *case.names_at(case.horizon)]], facts)


def of_moment(
    context: NightContext, moment: datetime, versions: Mapping[str, int] | None = None
) -> PackedSnapshot | None:
    """Return the snapshot at the live horizon of the context as of `moment`; None if its night has no entities.

    An entity whose live cutoff has passed has its features as of that cutoff, the others as of the moment. `versions`
    fixes the versions of the tables.
    """
    case, live = context.case, context.case.horizon
    assert isinstance(live, Live), "the night's horizon has one snapshot a night"
    tables = LiveTables(case, live, context.night, moment, context.settings, versions)
    rows = feature_step.rebuild(case, context.night, tables, replace(live, before=REQUESTED_AT, hours=0))
    if rows.empty:
        return None
    frame = rows[[ENTITY, *case.names_at(case.horizon)]]
    frame = frame.assign(**{CUTOFF: frame[ENTITY].map(tables.cutoffs())})
    facts = {
        "use_case": case.name,
        "night": str(context.night),
        snapshots.AS_OF: moment.isoformat(),
        snapshots.HOURS: live.hours,
        snapshots.MAX_AGE_MINUTES: live.max_age_minutes,
        snapshots.TABLES: tables.versions,
        snapshots.SHOWN: _shown_features(context),
        **feature_pins.from_service(feature_step.service(context)).facts,
    }
    return snapshots.pack(frame, facts)


def _shown_features(context: StepContext) -> list[str]:
    case = context.case
    names = case.names_at(case.horizon)
    return privacy.features_allowed_in(case, names, coherence.function_parameters(case), "logs", "reports")
