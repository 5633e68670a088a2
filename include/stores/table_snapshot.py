"""A consistent view of a use case's tables: a step reads fixed versions while others write, and can record them."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from include.settings import Settings
from include.stores import lake, prediction_table
from ml.usecase import UseCase


class TableSnapshot:
    """The tables of one use case, each at the version that was its newest when this snapshot first read it.

    `versions` fixes the versions of tables that were read earlier, possibly by another process. Predictions are those of
    `model`, by default of the night's.
    """

    def __init__(
        self, root: str | Path, use_case: str, versions: Mapping[str, int] | None = None, model: str = ""
    ) -> None:
        self._root, self._use_case, self._model = root, use_case, model or use_case
        self._versions = dict(versions or {})

    @property
    def versions(self) -> dict[str, int]:
        """The version of every table read so far, e.g. `{"valid/rides": 3}`; -1 for a table that did not exist."""
        return dict(sorted(self._versions.items()))

    def version(self, stage: str, table: str) -> int:
        """Return the version at which this snapshot reads the table; -1 for a table that did not exist."""
        name = f"{stage}/{table}"
        if name not in self._versions:
            self._versions[name] = lake.version(self._address(stage, table))
        return self._versions[name]

    def read(
        self, stage: str, table: str, first: str = "", last: str = "9999", columns: list[str] | None = None
    ) -> pd.DataFrame:
        """Return the rows of the nights `first` to `last` at this snapshot's version; see `lake.read`."""
        at_version = self.version(stage, table)
        return lake.read(self._address(stage, table), first, last, columns, at_version)

    def _address(self, stage: str, table: str) -> str:
        owner = self._model if stage == prediction_table.STAGE else self._use_case
        return lake.address(self._root, owner, stage, table)


def take(case: UseCase, settings: Settings, versions: Mapping[str, int] | None = None) -> TableSnapshot:
    """Return a snapshot of the tables of `case`; tables in `versions` are read at the version given there."""
    return TableSnapshot(settings.lake, case.dataset, versions, case.name)
