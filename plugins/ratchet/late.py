"""The sensor on the landing area: a trigger in the triggerer that lists label files, reads none, and takes no worker's time."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

_MARK = "told"
_FAR_LOOK_EVERY = 240
Found = dict[str, Any]  # the stamps of late files by name, by period


class LateLabels(BaseEventTrigger):
    """Fires when label files have landed, or were changed, after their night was taken; once for each state of them.

    Nights more than a month back are looked at every 240th time (each hour), and while something is seen that is not told
    of yet. What it told is in Airflow's store of the asset's state, so that a triggerer that starts again does not tell it
    again. Whoever takes the event must still be idempotent: Airflow has it before the store is written.
    """

    def __init__(self, use_case: str, seconds: float = 15.0) -> None:
        super().__init__()
        self.use_case, self.seconds = use_case, seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer makes this from."""
        return "ratchet.late.LateLabels", {"use_case": self.use_case, "seconds": self.seconds}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look every so many seconds, for ever; a place or a warehouse that is away is asked again."""
        store = self.asset_state_store
        seen = Seen(dict(await store.aget(_MARK, default={}) or {}) if store is not None else {})
        for look in count():
            everything = look % _FAR_LOOK_EVERY == 0 or seen.growing != {}
            found = await self._look(everything)
            if found is not None and (periods := seen.news(found, everything)):
                yield TriggerEvent({"periods": periods})
                if store is not None:
                    await store.aset(_MARK, seen.told)
            await asyncio.sleep(self.seconds)

    async def _look(self, everything: bool) -> Found | None:
        from include.steps.ingest import late_files

        try:
            return await asyncio.to_thread(late_files.find, self.use_case, everything=everything)
        except Exception:
            self.log.exception("the landing area of %s cannot be looked at now", self.use_case)
            return None


class Seen:
    """What was told of, and what was seen once and may still be on its way."""

    def __init__(self, told: Found) -> None:
        self.told, self.growing = told, Found()

    def news(self, found: Found, everything: bool) -> list[str]:
        """Return the periods of which files are late, not told of as they are now, and look as they did a look ago."""
        if everything:
            self.told = {period: files for period, files in self.told.items() if period in found}
        new = {period: files for period, files in found.items() if self.told.get(period) != files}
        periods = sorted(period for period, files in new.items() if self.growing.get(period) == files)
        self.growing = {period: files for period, files in new.items() if period not in periods}
        self.told |= {period: new[period] for period in periods}
        return periods
