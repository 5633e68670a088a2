"""The context of a step: a use case in an installation and, for most steps, a night."""

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from include import usecases
from include.settings import Settings, load_settings
from include.stores import warehouse
from ml.errors import RequestError
from ml.usecase import UseCase, periods


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """A use case and the settings of its installation."""

    case: UseCase
    settings: Settings

    @classmethod
    def load(cls, use_case: str) -> "StepContext":
        """Return the context of a use case in this process's installation; raises RequestError if it is unknown."""
        return StepContext(case=usecases.get(use_case), settings=load_settings())

    @classmethod
    def load_data(cls, use_case: str) -> "StepContext":
        """Return the context of a use case, for a step on its data; raises RequestError for the model of a horizon."""
        context = StepContext.load(use_case)
        if context.case.dataset != context.case.name:
            raise RequestError(
                f"expected a use case, got the model {use_case}: the data of all horizons is one, so do this for "
                f"{context.case.dataset}"
            )
        return context

    @property
    def engine(self) -> sa.Engine:
        """The database engine of the warehouse."""
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
        """Return the context of a use case on the last night of `night`, a night or a window of nights as text.

        Raises RequestError if the use case is unknown or the text is no night.
        """
        return StepContext.load(use_case).at(periods.parse(night).last)
