"""Label files that landed, or were changed, after their night was taken: found from outside, and taken with that night."""

from collections.abc import Collection, Mapping

from include import usecases
from include.settings import Settings, load_settings
from include.steps.ingest import nightly
from include.steps.ingest.nightly import Taken
from include.stores import landing, warehouse
from ml import periods as period_text
from ml.errors import DataError
from ml.usecase import UseCase

RECENT_NIGHTS = 31
Late = dict[str, dict[str, str]]


def find(use_case: str, *, everything: bool = True) -> Late:
    """Return the stamps of the late label files by name, by the period that they landed for.

    No file is read. Late is what does not look as it did when its period was taken; of periods that were never taken
    nothing is. Of nights more than 31 before the latest one only `everything` tells.
    """
    case, settings = usecases.get(use_case), load_settings()
    return _find(case, everything, settings)


def take(use_case: str, periods: Collection[str] | None = None) -> dict[str, Taken]:
    """Take again each of `periods`, or of all, of which a label file is late, and return what came of it, in order.

    Labels and the features of later nights follow; scores that were issued stay. A period whose late files have the
    bytes that were taken is left as it is. Raises DataError, and takes nothing of that period, when a file that was taken for
    it is gone: its rows would go too.
    """
    case, settings = usecases.get(use_case), load_settings()
    found = {period: late for period, late in _find(case, True, settings).items() if periods is None or period in periods}
    changed = [period for period, late in found.items() if not _is_settled(case, period, late, settings)]
    taken = {}
    for period in changed:
        _require_the_others(case, period, settings)
        taken[period] = nightly.take(case.name, period)
    return taken


def _find(case: UseCase, everything: bool, settings: Settings) -> Late:
    engine = warehouse.engine(settings.warehouse_url)
    last = warehouse.last_taken(engine, case.name)
    if last is None:
        return {}
    since = "" if everything else str(case.horizon.before(period_text.parse(last).first, RECENT_NIGHTS))
    taken = warehouse.stamps(engine, case.name, since)
    there = landing.arrivals_below(landing.area(settings.landing, case.name), [case.task.of], since, last)
    late = {
        period: {
            each.name: each.stamp for each in there.get(period, ()) if each.table and seen.get(each.name) != each.stamp
        }
        for period, seen in taken.items()
    }
    return {period: files for period, files in sorted(late.items()) if files}


def _require_the_others(case: UseCase, period: str, settings: Settings) -> None:
    place = landing.place(settings.landing, case.name, period_text.parse(period))
    known = warehouse.files(warehouse.engine(settings.warehouse_url), case.name, period)
    if gone := sorted({each.name for each in known} - set(place.names())):
        raise DataError(
            f"a label file came late for {period}, but {', '.join(gone)}, taken for it before, is no longer in {place}: put it "
            f"back and clear this task, or run `ratchet ingest {case.name} {period}`, which takes its rows away"
        )


def _is_settled(case: UseCase, period: str, late: Mapping[str, str], settings: Settings) -> bool:
    """Return whether the late files have the bytes that were taken; then they are told from late ones from now on."""
    engine, place = (
        warehouse.engine(settings.warehouse_url),
        landing.place(settings.landing, case.name, period_text.parse(period)),
    )
    taken = {each.name: each.sha256 for each in warehouse.files(engine, case.name, period)}
    if any(landing.sha256(place, name) != taken.get(name) for name in late):
        return False
    known = warehouse.stamps(engine, case.name, period)[period]
    warehouse.record_stamps(engine, case.name, period, {**known, **late})
    return True
