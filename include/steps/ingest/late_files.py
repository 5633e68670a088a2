"""Late files: files that landed or changed after their night was ingested.

They are found by listing, without reading them, and ingested by running their night again. Late label files always are;
for those of other tables, the use case declares whether they are, or whether an alert offers it (`Arrival.late`).
"""

from collections.abc import Collection, Mapping

from include.steps.context import StepContext
from include.steps.ingest import nightly
from include.steps.ingest.nightly import NightlyResult
from include.steps.ingest.reporting import LATE_FILES as LATE_FILES
from include.stores import landing, warehouse
from include.stores.warehouse import Alert
from ml.errors import DataError
from ml.usecase import periods as period_text

RECENT_NIGHTS = 31
LateFiles = dict[str, dict[str, str]]


def find(use_case: str, *, everything: bool = True) -> LateFiles:
    """Return the versions of the late files by name, by the period for which they landed.

    No file is read. A file is late if its version differs from the one ingested with its period; a period that was
    never ingested has no late files. Nights more than 31 before the latest are examined only with `everything`.
    """
    context = StepContext.load_data(use_case)
    return _find(context, everything)


def reingest(use_case: str, periods: Collection[str] | None = None) -> dict[str, NightlyResult]:
    """Ingest again all periods with late files, or those in `periods`, and return the results in order.

    Labels and the features of later nights follow; published scores stay. A period whose late files have the bytes that
    were ingested before is left as it is, and so is one that `offer` leaves to a person. Raises DataError, and ingests
    nothing of that period, when a file ingested before is missing, because its rows would be lost.
    """
    context = StepContext.load_data(use_case)
    results = {}
    for period, late in _changed(context, periods).items():
        if not _is_offered(context, late):
            _check_no_file_missing(context, period)
            results[period] = nightly.run(context.case.name, period)
    return results


def offer(use_case: str, periods: Collection[str] | None = None) -> list[str]:
    """Raise an alert for each period whose late files are left to a person, and return these periods.

    They are files of other tables than that of the labels, unless the use case declares `Arrival(late="ingest")`.
    """
    context = StepContext.load_data(use_case)
    offered = {period: late for period, late in _changed(context, periods).items() if _is_offered(context, late)}
    for period, late in offered.items():
        _raise_alert(context, period, late)
    return list(offered)


def _changed(context: StepContext, periods: Collection[str] | None) -> LateFiles:
    """Return the late files of all periods, or of `periods`, that have other bytes than those ingested before."""
    return {
        period: late
        for period, late in _find(context, True).items()
        if (periods is None or period in periods) and not _is_unchanged(context, period, late)
    }


def _is_offered(context: StepContext, late: Mapping[str, str]) -> bool:
    has_labels = any(name.split(".", 1)[0] == context.case.task.table for name in late)
    return context.case.arrival.late == "alert" and not has_labels


def _raise_alert(context: StepContext, period: str, late: Mapping[str, str]) -> None:
    name, night = context.case.name, period_text.parse(period).last
    message = (
        f"{', '.join(sorted(late))} landed or changed after {period} was ingested: `ratchet ingest {name} {period}`, or "
        f"the DAG {name}_ingest for this night, ingests it again. New entities get scores; published scores stay"
    )
    alert = Alert(use_case=name, night=night, kind=LATE_FILES, subject=period, message=message)
    warehouse.raise_alert(context.engine, alert)


def _find(context: StepContext, everything: bool) -> LateFiles:
    engine = context.engine
    last = warehouse.last_ingested_period(engine, context.case.name)
    if last is None:
        return {}
    since = "" if everything else str(context.case.schedule.previous(period_text.parse(last).first, RECENT_NIGHTS))
    recorded = warehouse.file_versions(engine, context.case.name, since)
    landed = landing.list_files_by_period(
        landing.use_case_location(context.settings.landing, context.case.name),
        [table.name for table in context.case.tables],
        since,
        last,
    )
    late = {
        period: {
            each.name: each.version
            for each in landed.get(period, ())
            if each.table and stamps.get(each.name) != each.version
        }
        for period, stamps in recorded.items()
    }
    return {period: files for period, files in sorted(late.items()) if files}


def _check_no_file_missing(context: StepContext, period: str) -> None:
    location = landing.period_location(context.settings.landing, context.case.name, period_text.parse(period))
    known = warehouse.files(context.engine, context.case.name, period)
    if missing := sorted({each.name for each in known} - set(location.entries())):
        raise DataError(
            f"a file landed late for {period}, but {', '.join(missing)}, ingested for it before, is no longer in "
            f"{location}: put it back and clear this task, or run `ratchet ingest {context.case.name} {period}`, which "
            "removes its rows"
        )


def _is_unchanged(context: StepContext, period: str, late: Mapping[str, str]) -> bool:
    """Return whether the late files have the bytes ingested before; if so, record their versions: they are not late."""
    engine, location = (
        context.engine,
        landing.period_location(context.settings.landing, context.case.name, period_text.parse(period)),
    )
    digests = {each.name: each.sha256 for each in warehouse.files(engine, context.case.name, period)}
    if any(landing.sha256(location, name) != digests.get(name) for name in late):
        return False
    stamps = warehouse.file_versions(engine, context.case.name, period)[period]
    warehouse.record_file_versions(engine, context.case.name, period, {**stamps, **late})
    return True
