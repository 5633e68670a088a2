"""Wait for the files of a night: which tables still lack one, until when the night waits, and the alert that says so."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from include import usecases
from include.steps.context import StepContext
from include.stores import landing, night_gaps, warehouse
from include.stores.landing import Folder, LandedFile, Location
from include.stores.warehouse import Alert
from ml.usecase.periods import Period

_UNREADABLE_SHOWN = 3
_SETTLED_SECONDS = 5.0  # a file of a folder that was written to more recently may be incomplete


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """What a night waits for: tables without a file, or files that were written to just now, until `until`.

    `unreadable` has what is there and cannot be read as a file, each with the reason.
    """

    missing: tuple[str, ...]
    unsettled: tuple[str, ...]
    until: datetime
    unreadable: tuple[str, ...] = ()

    def describe(self, use_case: str, period: Period, location: Location) -> str:
        """Return a sentence for an alert."""
        wanted = [f"files of {', '.join(self.missing)}"] if self.missing else []
        wanted += [f"the end of {', '.join(self.unsettled)}, which is still being written"] if self.unsettled else []
        return (
            f"{use_case} {period} waits in {location} for {' and '.join(wanted)}, until {self.until:%Y-%m-%d %H:%M} UTC: "
            "land them, and the night starts by itself" + "".join(f". {each}" for each in self.unreadable)
        )


def find_wait(use_case: str, period: str, now: datetime) -> Wait | None:
    """Return what `period` still waits for at `now`; None if it may start, because all is there or its time is over.

    Required tables are waited for until `Arrival.hours` after the cutoff, optional ones for `Arrival.optional_hours`.
    Raises RequestError for an invalid period, and SetupError when the landing area does not answer.
    """
    context = StepContext.load_data(use_case)
    case, parsed = context.case, context.case.schedule.parse(period)
    cutoff = case.schedule.cutoff(parsed.last)
    required_until, optional_until = (
        cutoff + timedelta(hours=hours) for hours in (case.arrival.hours, case.arrival.optional_hours)
    )
    if now >= required_until or usecases.has_module(case.name, "source"):
        return None
    location = landing.period_location(context.settings.landing, case.name, parsed)
    files = landing.list_files(location, [table.name for table in case.tables])
    present = {each.table for each in files if not each.fault}
    is_awaited = {table.name: table.required or now < optional_until for table in case.tables}
    missing = tuple(name for name, awaited in is_awaited.items() if awaited and name not in present)
    unsettled = _unsettled(location, files)
    if not missing and not unsettled:
        return None
    only_optional = not any(case.table(name).required for name in missing) and not unsettled
    return Wait(
        missing=missing,
        unsettled=unsettled,
        until=optional_until if only_optional else required_until,
        unreadable=tuple(f"{each.name}: {each.fault}" for each in files if each.fault)[:_UNREADABLE_SHOWN],
    )


def announce(use_case: str, period: str, wait: Wait) -> None:
    """Raise the alert that `period` waits; `finish` withdraws it."""
    context = StepContext.load_data(use_case)
    warehouse.raise_alert(context.engine, _alert(context, period, wait))


def finish(use_case: str, period: str) -> None:
    """Withdraw the alert that `period` waits, if there is one."""
    context = StepContext.load_data(use_case)
    warehouse.withdraw_alerts(context.engine, [_alert(context, period, None)])


def _alert(context: StepContext, period: str, wait: Wait | None) -> Alert:
    parsed = context.case.schedule.parse(period)
    location = landing.period_location(context.settings.landing, context.case.name, parsed)
    message = wait.describe(context.case.name, parsed, location) if wait else ""
    return Alert(
        use_case=context.case.name, night=parsed.last, kind=night_gaps.WAITING, subject="files", message=message
    )


def _unsettled(location: Location, files: list[LandedFile]) -> tuple[str, ...]:
    """Return the files of a folder that were written to within the last seconds; a bucket's objects are complete."""
    if not isinstance(location, Folder):
        return ()
    now = time.time()
    return tuple(
        each.name
        for each in files
        if each.table and not each.fault and abs(now - _written(location.path / each.name)) < _SETTLED_SECONDS
    )


def _written(path: Path) -> float:
    """Return when a file was last written, in POSIX seconds; 0 if it is gone, which the next look notices."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0
