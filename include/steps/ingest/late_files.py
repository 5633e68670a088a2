"""Label files that landed, or were changed, after their night was taken: found from outside, and taken with that night."""

from collections.abc import Collection, Mapping

from include import usecases
from include.settings import Settings, load_settings
from include.steps.ingest import nightly
from include.steps.ingest.nightly import NightlyResult
from include.stores import landing, warehouse
from ml import periods as period_text
from ml.errors import DataError
from ml.usecase import UseCase

RECENT_NIGHTS = 31
LateFiles = dict[str, dict[str, str]]


def find(use_case: str, *, everything: bool = True) -> LateFiles:
    """Return the stamps of the late label files by name, by the period that they landed for.

    No file is read. Late is what does not look as it did when its period was taken; of periods that were never taken
    nothing is. Of nights more than 31 before the latest one only `everything` tells.
    """
    case, settings = usecases.get(use_case), load_settings()
    return _find(case, everything, settings)


def reingest(use_case: str, periods: Collection[str] | None = None) -> dict[str, NightlyResult]:
    """Take again each of `periods`, or of all, of which a label file is late, and return what came of it, in order.

    Labels and the features of later nights follow; scores that were issued stay. A period whose late files have the
    bytes that were taken is left as it is. Raises DataError, and takes nothing of that period, when a file that was taken for
    it is gone: its rows would go too.
    """
    case, settings = usecases.get(use_case), load_settings()
    late_by_period = {
        period: late for period, late in _find(case, True, settings).items() if periods is None or period in periods
    }
    changed = [period for period, late in late_by_period.items() if not _is_unchanged(case, period, late, settings)]
    results = {}
    for period in changed:
        _check_no_file_missing(case, period, settings)
        results[period] = nightly.run(case.name, period)
    return results


def _find(case: UseCase, everything: bool, settings: Settings) -> LateFiles:
    engine = warehouse.engine(settings.warehouse_url)
    last = warehouse.last_ingested_period(engine, case.name)
    if last is None:
        return {}
    since = "" if everything else str(case.horizon.previous(period_text.parse(last).first, RECENT_NIGHTS))
    recorded = warehouse.file_versions(engine, case.name, since)
    landed = landing.list_files_by_period(
        landing.use_case_location(settings.landing, case.name), [case.task.table], since, last
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


def _check_no_file_missing(case: UseCase, period: str, settings: Settings) -> None:
    location = landing.period_location(settings.landing, case.name, period_text.parse(period))
    known = warehouse.files(warehouse.engine(settings.warehouse_url), case.name, period)
    if missing := sorted({each.name for each in known} - set(location.names())):
        raise DataError(
            f"a label file came late for {period}, but {', '.join(missing)}, taken for it before, is no longer in {location}: put it "
            f"back and clear this task, or run `ratchet ingest {case.name} {period}`, which takes its rows away"
        )


def _is_unchanged(case: UseCase, period: str, late: Mapping[str, str], settings: Settings) -> bool:
    """Return whether the late files have the bytes that were taken; then they are told from late ones from now on."""
    engine, location = (
        warehouse.engine(settings.warehouse_url),
        landing.period_location(settings.landing, case.name, period_text.parse(period)),
    )
    digests = {each.name: each.sha256 for each in warehouse.files(engine, case.name, period)}
    if any(landing.sha256(location, name) != digests.get(name) for name in late):
        return False
    stamps = warehouse.file_versions(engine, case.name, period)[period]
    warehouse.record_file_versions(engine, case.name, period, {**stamps, **late})
    return True
