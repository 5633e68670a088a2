"""The watcher of late labels: a trigger in the triggerer that lists label files; it reads none and uses no worker."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

_STATE_KEY = "told"
_FULL_SCAN_INTERVAL = 240
LateFiles = dict[str, Any]  # the versions of late files by name, by period


class LateLabelTrigger(BaseEventTrigger):
    """Fires when label files have landed or changed after their night was ingested, once for each state of the files.

    Nights more than a month back are listed in every 240th scan (once an hour), and while files wait to be reported.
    The reported files are kept in Airflow's store of the asset's state, so a restarted triggerer does not report them
    again. Consumers of the event must still be idempotent, because Airflow receives it before the store is written.
    """

    def __init__(self, use_case: str, seconds: float = 15.0) -> None:
        super().__init__()
        self.use_case, self.seconds = use_case, seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments from which the triggerer creates this trigger."""
        return "ratchet.late.LateLabelTrigger", {"use_case": self.use_case, "seconds": self.seconds}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Scan every `seconds` seconds, forever; if the landing area or the warehouse does not answer, try again."""
        store = self.asset_state_store
        tracker = LateFileTracker(dict(await store.aget(_STATE_KEY, default={}) or {}) if store is not None else {})
        for scan_number in count():
            full_scan = scan_number % _FULL_SCAN_INTERVAL == 0 or tracker.pending != {}
            late_files = await self._scan(full_scan)
            if late_files is not None and (periods := tracker.update(late_files, full_scan)):
                yield TriggerEvent({"periods": periods})
                if store is not None:
                    await store.aset(_STATE_KEY, tracker.reported)
            await asyncio.sleep(self.seconds)

    async def _scan(self, full_scan: bool) -> LateFiles | None:
        from include.steps.ingest import late_files

        try:
            return await asyncio.to_thread(late_files.find, self.use_case, everything=full_scan)
        except Exception:
            self.log.exception("cannot scan the landing area of %s now; trying again", self.use_case)
            return None


class LateFileTracker:
    """Remembers which late files were reported, and which were seen in one scan only and may still be incomplete."""

    def __init__(self, reported: LateFiles) -> None:
        self.reported, self.pending = reported, LateFiles()

    def update(self, late_files: LateFiles, full_scan: bool) -> list[str]:
        """Return the periods whose late files were not reported in this state and are unchanged since the last scan."""
        if full_scan:
            self.reported = {period: files for period, files in self.reported.items() if period in late_files}
        new = {period: files for period, files in late_files.items() if self.reported.get(period) != files}
        periods = sorted(period for period, files in new.items() if self.pending.get(period) == files)
        self.pending = {period: files for period, files in new.items() if period not in periods}
        self.reported |= {period: new[period] for period in periods}
        return periods
