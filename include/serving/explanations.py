"""Explanations in answers: the features that moved each score most, the rest as a sum, and the calibration.

The model that MLflow loads uses this module too, so that it imports only what a package's own loader does.
"""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from ml.arrays import Floats
from ml.errors import RefusalError, ScoreRequestError
from ml.evaluation import explain as explaining
from ml.scoring import request_schema
from ml.scoring.calibration import Calibration, Correction
from ml.training.fitting import Model

NAME, MOST = "explain", 10_000  # the option of a request, and its largest number
_NUMBER = re.compile(r"[0-9]{1,9}")
_WORDS: Mapping[str, bool] = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class Contribution:
    """The contribution of one feature; its `value` is None if it is missing, and in no answer unless `is_shown`."""

    feature: str
    contribution: float
    value: float | str | None = None
    is_shown: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the contribution as it is in an answer."""
        shown = {"value": self.value} if self.is_shown else {}
        return {"feature": self.feature, "contribution": self.contribution, **shown}


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """The explanation of one score.

    `base_value`, the `contributions` (largest first, in absolute value) and the `rest`, which is the sum of all others,
    add up to `raw`. `calibration` has the slope, the offset and the link that turn `raw` into the score: "logistic", or
    "clipped" to a range, whose ends are then there too. If the model has no contributions, `unavailable` says why.
    """

    raw: float
    calibration: Mapping[str, float | str]
    base_value: float = 0.0
    contributions: tuple[Contribution, ...] = ()
    rest: float = 0.0
    unavailable: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the explanation as it is in an answer, without the fields that it does not have."""
        parts = {
            "base_value": self.base_value,
            "contributions": [each.to_json() for each in self.contributions],
            "rest": self.rest,
        }
        reason = {"unavailable": self.unavailable}
        return {"raw": self.raw, "calibration": self.calibration, **(reason if self.unavailable else parts)}


def parse_size(value: object, option: str = NAME) -> int:
    """Return how many features a request wants, given as true (five), false or null (none), or a number.

    `option` names it in the message. Raises ScoreRequestError for anything else.

    >>> parse_size(True), parse_size(3), parse_size(None)
    (5, 3, 0)
    """
    if value is None or value is False:
        return 0
    if value is True:
        return explaining.DEFAULT_SIZE
    if isinstance(value, int | float) and 0 <= value <= MOST and value == int(value):
        return int(value)
    raise ScoreRequestError(
        f"{option}: expected true, false, or how many features to return (at most {MOST}), "
        f"got {request_schema.truncate(value)}"
    )


def parse_text(text: str, option: str = NAME) -> int:
    """Return the same for an option that is a text, in an address or a header; raises ScoreRequestError.

    >>> parse_text("true"), parse_text("3")
    (5, 3)
    """
    if text in _WORDS:
        return parse_size(_WORDS[text])
    return parse_size(int(text) if _NUMBER.fullmatch(text) else text, option)


def explain(model: Model, encoded: Floats, size: int, threads: int = 1) -> list[Explanation]:
    """Return the explanation of each encoded row, shape (n, columns), with `size` features and without values."""
    calibration = _describe(model.calibration)
    try:
        rows = explaining.contribute(model, encoded, threads)
    except RefusalError as refusal:
        raw = model.learner.raw(encoded).tolist()
        return [Explanation(raw=each, calibration=calibration, unavailable=str(refusal)) for each in raw]
    chosen = rows.largest(size)
    numbers = (rows.raw, rows.base_values, rows.rest(chosen), np.take_along_axis(rows.by_feature, chosen, axis=1))
    return [
        Explanation(
            raw=raw,
            calibration=calibration,
            base_value=base_value,
            contributions=tuple(
                Contribution(feature=rows.names[index], contribution=contribution)
                for index, contribution in zip(indices, contributions, strict=True)
            ),
            rest=rest,
        )
        for raw, base_value, rest, contributions, indices in zip(
            *(each.tolist() for each in numbers), chosen.tolist(), strict=True
        )
    ]


def show_values(explanation: Explanation, row: Mapping[str, object], shown: Collection[str]) -> Explanation:
    """Return the explanation with the values that `row` has of the `shown` features, and no other values."""
    contributions = (
        replace(each, value=_value(row[each.feature]), is_shown=True)
        if each.feature in shown
        else replace(each, value=None, is_shown=False)
        for each in explanation.contributions
    )
    return replace(explanation, contributions=tuple(contributions))


def _describe(correction: Correction) -> dict[str, float | str]:
    link = "logistic" if isinstance(correction, Calibration) else "clipped"
    return {"link": link, **asdict(correction)}


def _value(value: object) -> float | str | None:
    """Return a value of a feature as JSON; a missing one is None."""
    if isinstance(value, str):
        return value
    number = float("nan") if value is None else float(value)  # type: ignore[arg-type]  # a number, checked before
    return number if math.isfinite(number) else None
