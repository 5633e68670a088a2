"""The screen of an unproven refresh: checks on the nights that wait for labels, and on the labels of the latest nights.

The gate compares the judged model with the champion on labelled nights that the judged model was not fitted on. What is
released is fitted on these nights too, so that a fault in their labels or features reaches only the released model. The
screen looks for such faults where they can be seen without new labels.
"""

from dataclasses import dataclass

import numpy as np

from ml.arrays import Floats
from ml.governance.checks import Check, CheckStatus, at_least
from ml.targets import Target
from ml.usecase.adoption import Adoption


@dataclass(frozen=True, kw_only=True, slots=True)
class ScreenedScores:
    """What the screen compares.

    `champion` and `released` are the scores, shape (n,), of the same rows of nights that wait for labels: by the
    champion, and by the model to release. `labels` and `judged` have the labels and the judged model's scores of the
    judged nights, shape (m,). `released_nights` and `champion_nights` are the numbers of nights that the two models
    learned from; None if it is not known.
    """

    champion: Floats
    released: Floats
    labels: Floats
    judged: Floats
    released_nights: int | None
    champion_nights: int | None


def checks(scores: ScreenedScores, target: Target, declared: Adoption) -> tuple[Check, ...]:
    """Return the checks of the screen; a check without a number fails.

    * The mean score of the nights that wait for labels moves by at most `max_score_shift`.
    * The mean label of the judged nights differs from its expectation by at most `max_label_shift`.
    * The model to release learned from at least `min_nights_share` as many nights as the champion.
    """
    score_shift = (
        abs(target.score_distance.level_shift(scores.released, scores.champion)) if len(scores.released) else np.nan
    )
    expected, observed = (
        target.expected_and_observed(scores.labels, scores.judged) if len(scores.labels) else (np.nan,) * 2
    )
    nights_share = (
        scores.released_nights / scores.champion_nights if scores.released_nights and scores.champion_nights else None
    )
    return (
        _at_most("shift of the mean score on nights without labels", score_shift, declared, "max_score_shift"),
        _at_most(
            "labels of the judged nights, observed against expected",
            abs(observed - expected),
            declared,
            "max_label_shift",
        ),
        at_least(
            "nights that it learned from, as a share of the champion's",
            nights_share,
            declared.min_nights_share,
            "adoption.min_nights_share",
        ),
    )


def _at_most(name: str, value: float, declared: Adoption, field: str) -> Check:
    maximum = getattr(declared, field)
    return Check(
        name=name,
        value=value if np.isfinite(value) else None,
        bar=f"at most {maximum:g}",
        status=CheckStatus.from_bool(value <= maximum),
        setting=f"adoption.{field}",
    )
