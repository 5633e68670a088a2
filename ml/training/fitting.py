"""Fitting of candidates: walk-forward folds for calibration and comparison, then a final fit on all training rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.arrays import Booleans, Floats, Strings
from ml.scoring.calibration import Correction
from ml.scoring.encoder import Encoder
from ml.training import encoding, learners, splitting, weighting
from ml.training.learners import Learner
from ml.usecase import Candidate, Recency, Text

if TYPE_CHECKING:
    import pandas as pd

    from ml.targets import Target

ProgressCallback = Callable[[int], None]


def _ignore_progress(_fold: int) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Model:
    """A fitted model: features in, calibrated scores out (probabilities, or numbers in the unit of the label)."""

    encoder: Encoder
    learner: Learner
    calibration: Correction

    def predict(self, frame: "pd.DataFrame") -> Floats:
        """Return the score of each row, shape (n,)."""
        return self.calibration.apply(self.learner.raw(self.encoder.encode(frame)))

    def predict_row(self, row: dict[str, object]) -> float:
        """Return the score of one row, a mapping of feature to value; it does not import pandas."""
        return float(self.calibration.apply(self.learner.raw(self.encoder.encode_row(row))[0]))


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A learner fitted on earlier nights, and a mask of the validation rows, which are of later nights."""

    learner: Learner
    validation: Booleans


@dataclass(frozen=True, kw_only=True)
class FittedCandidate:
    """A candidate's model, its folds, and its calibrated out-of-fold scores on the validation rows of all folds."""

    candidate: Candidate
    model: Model
    folds: tuple[Fold, ...]
    scores: Floats

    @property
    def out_of_fold(self) -> Booleans:
        """Return a mask of the rows that have an out-of-fold score, shape (n,)."""
        out_of_fold: Booleans = np.any([fold.validation for fold in self.folds], axis=0)
        return out_of_fold


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """The training rows of all candidates: encoded features (n, columns), labels and nights (ISO dates), each (n,)."""

    encoder: Encoder
    features: Floats
    labels: Floats
    nights: Strings
    target: "Target"
    recency: Recency | None
    seed: int
    threads: int

    def fit_learner(self, candidate: Candidate, rows: Booleans) -> Learner:
        """Return the candidate fitted on `rows`; raises RefusalError when they all have the same label."""
        labels, nights = self.labels[rows], self.nights[rows]
        self.target.check_learnable(labels, nights)
        weights = weighting.row_weights(candidate, self.recency, labels, nights)
        quantile = self.target.quantile
        return learners.fit(
            candidate, self.encoder, self.features[rows], labels, self.seed, self.threads, weights, quantile
        )


def prepare(
    frame: "pd.DataFrame",
    labels: Floats,
    nights: Strings,
    names: tuple[str, ...],
    *,
    target: "Target",
    seed: int,
    threads: int,
    texts: tuple[Text, ...] = (),
    recency: Recency | None = None,
) -> TrainingData:
    """Return the encoded training data; `labels` and `nights` (ISO dates) have shape (n,).

    `names` are the features to encode. Columns declared in `texts` are encoded as text features. `recency` gives older
    nights a lower weight. Raises DataError when a feature is infinite in some rows.
    """
    from ml.features import infinity  # pandas, which a server does not import

    infinity.check_none(frame, names)
    encoder = encoding.fit(frame, names, texts)
    return TrainingData(
        encoder=encoder,
        features=encoder.encode(frame),
        labels=labels,
        nights=nights,
        target=target,
        recency=recency,
        seed=seed,
        threads=threads,
    )


def walk_forward(
    candidate: Candidate, data: TrainingData, on_progress: ProgressCallback = _ignore_progress
) -> tuple[tuple[Fold, ...], Floats]:
    """Return the folds and the out-of-fold raw scores, shape (n,), which are NaN for rows that no fold validates on.

    Calls `on_progress` with the number of each finished fold, from 1. Raises RefusalError when all training rows of a
    fold have the same label.
    """
    raw, folds = np.full(len(data.labels), np.nan), []
    for number, (train, validation) in enumerate(splitting.folds(data.nights), start=1):
        learner = data.fit_learner(candidate, train)
        raw[validation] = learner.raw(data.features[validation]) - weighting.log_odds_bias(candidate)
        folds.append(Fold(learner=learner, validation=validation))
        on_progress(number)
    return tuple(folds), raw


def fit(candidate: Candidate, data: TrainingData, on_progress: ProgressCallback = _ignore_progress) -> FittedCandidate:
    """Return the candidate fitted on all rows and calibrated on its out-of-fold scores.

    Calls `on_progress` and raises RefusalError as `walk_forward` does.
    """
    folds, raw = walk_forward(candidate, data, on_progress)
    out_of_fold, labels, nights = ~np.isnan(raw), data.labels, data.nights
    correction = data.target.fit_calibration(
        raw[out_of_fold], labels[out_of_fold], nights[out_of_fold], folds[-1].validation[out_of_fold]
    )
    model = Model(
        encoder=data.encoder,
        learner=data.fit_learner(candidate, np.full(len(labels), True)),
        calibration=correction.compensate(weighting.log_odds_bias(candidate)),
    )
    return FittedCandidate(candidate=candidate, model=model, folds=folds, scores=correction.apply(raw[out_of_fold]))


def refit(fitted: FittedCandidate, data: TrainingData) -> Model:
    """Return the candidate fitted again on all rows of `data`, with the calibration that it was judged with."""
    all_rows = np.full(len(data.labels), True)
    learner = data.fit_learner(fitted.candidate, all_rows)
    return Model(encoder=data.encoder, learner=learner, calibration=fitted.model.calibration)
