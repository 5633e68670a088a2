"""Fitting candidates: walk forward to calibrate and compare, then learn once from everything that may be learned."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.arrays import Booleans, Floats, Strings
from ml.targets.calibration import Correction
from ml.training import encoding, learners, splitting, weighting
from ml.training.encoding import Encoder
from ml.training.learners import Learner
from ml.usecase import Candidate, Recency, Text

if TYPE_CHECKING:
    import pandas as pd

    from ml.targets import Target

ProgressCallback = Callable[[int], None]


def _ignore_progress(_fold: int) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Model:
    """Frames of features in, calibrated answers out: probabilities of yes, or numbers."""

    encoder: Encoder
    learner: Learner
    calibration: Correction

    def predict(self, frame: "pd.DataFrame") -> Floats:
        """Return the answer to each row, shape (n,)."""
        return self.calibration.apply(self.learner.raw(self.encoder.encode(frame)))

    def predict_row(self, row: dict[str, object]) -> float:
        """Return the answer to one row given as a mapping of feature to value, without pandas."""
        return float(self.calibration.apply(self.learner.raw(self.encoder.encode_row(row))[0]))


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A learner of earlier nights, and the rows that walked ahead of what it had learned from."""

    learner: Learner
    validation: Booleans


@dataclass(frozen=True, kw_only=True)
class FittedCandidate:
    """A candidate's model, and its calibrated scores on the rows of all folds, which walked ahead."""

    candidate: Candidate
    model: Model
    folds: tuple[Fold, ...]
    scores: Floats

    @property
    def out_of_fold(self) -> Booleans:
        """Return the rows that have a score."""
        out_of_fold: Booleans = np.any([fold.validation for fold in self.folds], axis=0)
        return out_of_fold


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What every candidate learns from: encoded features (n, columns), labels and nights (ISO dates), each (n,)."""

    encoder: Encoder
    features: Floats
    labels: Floats
    nights: Strings
    target: "Target"
    recency: Recency | None
    seed: int
    threads: int

    def fit_learner(self, candidate: Candidate, rows: Booleans) -> Learner:
        """Return the candidate learned from `rows`; raises RefusalError when they all have the same label."""
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
    """Return what candidates learn from; `nights` is ISO dates, shape (n,).

    Those of the features `names` that are declared `texts` are read as such; `recency` lets older nights count less.
    """
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
    """Return the learners of forward folds, and their raw answers to the nights ahead, shape (n,), missing elsewhere.

    `told` hears the number of each fold, from 1, once it is done. Raises RefusalError when the rows of a fold all have the same label.
    """
    raw, folds = np.full(len(data.labels), np.nan), []
    for number, (learned, predicted) in enumerate(splitting.folds(data.nights), start=1):
        learner = data.fit_learner(candidate, learned)
        raw[predicted] = learner.raw(data.features[predicted]) - weighting.log_odds_bias(candidate)
        folds.append(Fold(learner=learner, validation=predicted))
        on_progress(number)
    return tuple(folds), raw


def fit(candidate: Candidate, data: TrainingData, on_progress: ProgressCallback = _ignore_progress) -> FittedCandidate:
    """Return the candidate learned from all rows and calibrated on forward folds, which `told` hears of as in `walk`.

    Raises RefusalError as `walk` does.
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
    """Return the candidate learned once more, from all of `material`, with the calibration that it was judged with."""
    all_rows = np.full(len(data.labels), True)
    learner = data.fit_learner(fitted.candidate, all_rows)
    return Model(encoder=data.encoder, learner=learner, calibration=fitted.model.calibration)
