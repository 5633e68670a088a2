"""What a step works with: a use case in an installation, and the night that the step is about."""

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from include import usecases
from include.settings import Settings, load_settings
from include.stores import warehouse
from ml.usecase import UseCase, periods


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """A use case, and where its installation keeps everything."""

    case: UseCase
    settings: Settings

    @classmethod
    def load(cls, use_case: str) -> "StepContext":
        """Return the context of a use case in this process's installation; raises RequestError for an unknown one."""
        return StepContext(case=usecases.get(use_case), settings=load_settings())

    @property
    def engine(self) -> sa.Engine:
        """The warehouse."""
        return warehouse.engine(self.settings.warehouse_url)

    def at(self, night: date) -> "NightContext":
        """Return the context of the same use case on `night`."""
        return NightContext(case=self.case, settings=self.settings, night=night)


@dataclass(frozen=True, kw_only=True)
class NightContext(StepContext):
    """A use case on one of its nights."""

    night: date

    @classmethod
    def load_night(cls, use_case: str, night: str) -> "NightContext":
        """Return the context of a use case on the last night of the text `night`; raises RequestError for either unknown."""
        return StepContext.load(use_case).at(periods.parse(night).last)
