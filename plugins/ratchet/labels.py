"""The label watcher: a trigger in the triggerer that counts labels in the warehouse, without using a worker."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

_STATE_KEY = "known"


class LabelBatchTrigger(BaseEventTrigger):
    """Fires when `batch` labels have landed since the champion was trained, or since it last fired.

    The count at which it last fired is kept in Airflow's store of the asset's state and, after the decision, in the
    ledger, so a restarted triggerer does not fire for the same labels again. Consumers of the event must still be
    idempotent, because Airflow receives it before the store is written.
    """

    def __init__(self, use_case: str, batch: int, seconds: float = 15.0) -> None:
        super().__init__()
        self.use_case, self.batch, self.seconds = use_case, batch, seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments from which the triggerer creates this trigger."""
        return "ratchet.labels.LabelBatchTrigger", {
            "use_case": self.use_case,
            "batch": self.batch,
            "seconds": self.seconds,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Count the labels every `seconds` seconds, forever; if the warehouse does not answer, try again."""
        from include.steps.monitor import label_trigger

        store = self.asset_state_store
        fired = int(await store.aget(_STATE_KEY, default=0) or 0) if store is not None else 0
        while True:
            try:
                volume = await asyncio.to_thread(label_trigger.count_labels, self.use_case)
            except Exception:
                self.log.exception("cannot count the labels of %s now; trying again", self.use_case)
                volume = None
            if volume is not None and volume.known - max(volume.baseline, fired) >= self.batch:
                fired = volume.known
                yield TriggerEvent({_STATE_KEY: volume.known, "new": volume.new})
                if store is not None:
                    await store.aset(_STATE_KEY, fired)
            await asyncio.sleep(self.seconds)
