"""The label sensor: a trigger in the triggerer that looks into the warehouse, and takes no worker's time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

_STATE_KEY = "known"


class LabelBatchTrigger(BaseEventTrigger):
    """Fires when `batch` labels have come since the champion learned, or since it fired last.

    What it fired for is in Airflow's store of the asset's state and, once answered for, in the ledger: a triggerer that
    starts again does not fire for it again. Whoever takes the event must still be idempotent: Airflow has it before the
    store is written.
    """

    def __init__(self, use_case: str, batch: int, seconds: float = 15.0) -> None:
        super().__init__()
        self.use_case, self.batch, self.seconds = use_case, batch, seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer makes this from."""
        return "ratchet.labels.LabelBatchTrigger", {
            "use_case": self.use_case,
            "batch": self.batch,
            "seconds": self.seconds,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look every so many seconds, for ever; a warehouse that is away is asked again."""
        from include.steps.monitor import label_trigger

        store = self.asset_state_store
        fired = int(await store.aget(_STATE_KEY, default=0) or 0) if store is not None else 0
        while True:
            try:
                volume = await asyncio.to_thread(label_trigger.count_labels, self.use_case)
            except Exception:
                self.log.exception("the labels of %s cannot be counted now", self.use_case)
                volume = None
            if volume is not None and volume.known - max(volume.baseline, fired) >= self.batch:
                fired = volume.known
                yield TriggerEvent({_STATE_KEY: volume.known, "new": volume.new})
                if store is not None:
                    await store.aset(_STATE_KEY, fired)
            await asyncio.sleep(self.seconds)
