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

Told = Callable[[int], None]


def _silent(_fold: int) -> None: ...


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
    ahead: Booleans


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A candidate's model, and its calibrated scores on the rows of all folds, which walked ahead."""

    candidate: Candidate
    model: Model
    folds: tuple[Fold, ...]
    scores: Floats

    @property
    def ahead(self) -> Booleans:
        """Return the rows that have a score."""
        ahead: Booleans = np.any([fold.ahead for fold in self.folds], axis=0)
        return ahead


@dataclass(frozen=True, kw_only=True)
class Material:
    """What every candidate learns from: encoded features (n, columns), labels and nights (ISO dates), each (n,)."""

    encoder: Encoder
    features: Floats
    labels: Floats
    nights: Strings
    target: "Target"
    recency: Recency | None
    seed: int
    threads: int

    def learn(self, candidate: Candidate, rows: Booleans) -> Learner:
        """Return the candidate learned from `rows`; raises RefusalError when they all have the same label."""
        labels, nights = self.labels[rows], self.nights[rows]
        self.target.require_learnable(labels, nights)
        weights = weighting.weigh(candidate, self.recency, labels, nights)
        quantile = self.target.quantile
        return learners.fit(
            candidate, self.encoder, self.features[rows], labels, self.seed, self.threads, weights, quantile
        )


def gather(
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
) -> Material:
    """Return what candidates learn from; `nights` is ISO dates, shape (n,).

    Those of the features `names` that are declared `texts` are read as such; `recency` lets older nights count less.
    """
    encoder = encoding.fit(frame, names, texts)
    return Material(
        encoder=encoder,
        features=encoder.encode(frame),
        labels=labels,
        nights=nights,
        target=target,
        recency=recency,
        seed=seed,
        threads=threads,
    )


def walk(candidate: Candidate, material: Material, told: Told = _silent) -> tuple[tuple[Fold, ...], Floats]:
    """Return the learners of forward folds, and their raw answers to the nights ahead, shape (n,), missing elsewhere.

    `told` hears the number of each fold, from 1, once it is done. Raises RefusalError when the rows of a fold all have the same label.
    """
    raw, walked = np.full(len(material.labels), np.nan), []
    for number, (learned, predicted) in enumerate(splitting.folds(material.nights), start=1):
        learner = material.learn(candidate, learned)
        raw[predicted] = learner.raw(material.features[predicted]) - weighting.overstated(candidate)
        walked.append(Fold(learner=learner, ahead=predicted))
        told(number)
    return tuple(walked), raw


def fit(candidate: Candidate, material: Material, told: Told = _silent) -> Fitted:
    """Return the candidate learned from all rows and calibrated on forward folds, which `told` hears of as in `walk`.

    Raises RefusalError as `walk` does.
    """
    walked, raw = walk(candidate, material, told)
    ahead, labels, nights = ~np.isnan(raw), material.labels, material.nights
    calibrated = material.target.calibrated(raw[ahead], labels[ahead], nights[ahead], walked[-1].ahead[ahead])
    model = Model(
        encoder=material.encoder,
        learner=material.learn(candidate, np.full(len(labels), True)),
        calibration=calibrated.after(weighting.overstated(candidate)),
    )
    return Fitted(candidate=candidate, model=model, folds=walked, scores=calibrated.apply(raw[ahead]))


def refit(fitted: Fitted, material: Material) -> Model:
    """Return the candidate learned once more, from all of `material`, with the calibration that it was judged with."""
    everything = np.full(len(material.labels), True)
    learner = material.learn(fitted.candidate, everything)
    return Model(encoder=material.encoder, learner=learner, calibration=fitted.model.calibration)
