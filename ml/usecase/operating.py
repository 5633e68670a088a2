"""How a model is kept: when it is trained again, who lets it in, and the nights that `make run` plays."""

from dataclasses import dataclass

from ml import nights
from ml.errors import DeclarationError, RequestError
from ml.usecase.declaring import require, require_tuples


@dataclass(frozen=True, kw_only=True, slots=True)
class Triggers:
    """When to ask for retraining. None switches a trigger off; every number goes into the ledger.

    Nights are those of the use case's cadence: where it runs every month, a window of 3 nights is a quarter.

    `calibration_gap` is |mean score - mean label| over the last `window_nights` matured nights, of which at least
    `least_nights` must be there; where a number is asked for, how far the share of labels at or below the answer lies from
    the quantile asked for. `loss_rise` is the relative rise over what the champion showed at its gate.
    """

    calibration_gap: float | None = 0.04
    loss_rise: float | None = None
    new_labels: int | None = 50_000
    age_nights: int | None = None
    window_nights: int = 14
    least_nights: int = 5
    cooldown_nights: int = 7

    def __post_init__(self) -> None:
        require(1 <= self.least_nights <= self.window_nights, "least_nights lies between 1 and window_nights")
        require(self.cooldown_nights >= 0, f"a cooldown is 0 nights or more, got {self.cooldown_nights}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """Who must approve a release: two different roles, each answered by a different person."""

    approvers: tuple[str, str]

    def __post_init__(self) -> None:
        require_tuples(self)
        require(
            len(self.approvers) == 2 and self.approvers[0] != self.approvers[1],
            f"a release has two different approvers, got {self.approvers}",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsal:
    """The real nights that `make run` plays: a bulk history first, then single nights through the scheduler."""

    history: str
    nights: str

    def __post_init__(self) -> None:
        try:
            history, played = nights.parse(self.history), nights.parse(self.nights)
        except RequestError as error:
            raise DeclarationError(f"a rehearsal plays nights: {error}") from None
        require(
            history.last < played.first,
            f"a rehearsal plays nights after its history: expected nights that begin after {history.last}, got {played}",
        )
