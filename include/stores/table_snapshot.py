"""A use case's tables held still: what a step reads stays the same while others write, and can be named afterwards."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from include.settings import Settings
from include.stores import lake
from ml.usecase import UseCase


class TableSnapshot:
    """The tables of one use case, each at the version that was its newest when it was first asked for.

    Those in `versions` were asked for earlier, maybe by another process.
    """

    def __init__(self, root: str | Path, use_case: str, versions: Mapping[str, int] | None = None) -> None:
        self._root, self._use_case = root, use_case
        self._versions = dict(versions or {})

    @property
    def versions(self) -> dict[str, int]:
        """The version of every table asked for so far, e.g. `{"valid/rides": 3}`; -1 where there was no table."""
        return dict(sorted(self._versions.items()))

    def version(self, stage: str, table: str) -> int:
        """Return the version at which this snapshot reads the table; -1 when there was none."""
        name = f"{stage}/{table}"
        if name not in self._versions:
            self._versions[name] = lake.version(self._address(stage, table))
        return self._versions[name]

    def read(
        self, stage: str, table: str, first: str = "", last: str = "9999", columns: list[str] | None = None
    ) -> pd.DataFrame:
        """Return the rows of the nights `first` to `last`, as `lake.read` does, at this snapshot's version."""
        at_version = self.version(stage, table)
        return lake.read(self._address(stage, table), first, last, columns, at_version)

    def _address(self, stage: str, table: str) -> str:
        return lake.address(self._root, self._use_case, stage, table)


def take(case: UseCase, settings: Settings, versions: Mapping[str, int] | None = None) -> TableSnapshot:
    """Return a snapshot of the tables of `case`, those named in `versions` as they were then."""
    return TableSnapshot(settings.lake, case.name, versions)
