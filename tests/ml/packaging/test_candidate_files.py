"""A draft is a fitted candidate as bytes: what is read back answers to the last bit as what was written."""

import numpy as np
import pytest

from ml.errors import RefusalError
from ml.packaging import candidate_files, package_files
from ml.training import fitting
from ml.training.fitting import FittedCandidate
from ml.training.selection import CandidateResult
from ml.usecase import Candidate, GradientBoosting, Logistic, NeuralNet
from tests.ml.answers import YES_OR_NO
from tests.ml.training.test_fitting import FRAME, LABELS, NAMES, NIGHTS
from tests.ml.training.test_selection import QUALITY

CONTENDER = CandidateResult(name="it", quality=QUALITY, p99_latency_ms=0.123456789, package_mb=1.5, memory_mb=180.25)
CANDIDATES: tuple[Candidate, ...] = (
    Logistic(strength=0.3),
    GradientBoosting(trees=8, leaves=4, rows_per_leaf=10),
    NeuralNet(layers=(8, 4), epochs=3),
)
EACH = pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda each: each.name)


def fit(candidate: Candidate) -> FittedCandidate:
    return fitting.fit(candidate, fitting.prepare(FRAME, LABELS, NIGHTS, NAMES, target=YES_OR_NO, seed=1, threads=1))


def files(fitted: FittedCandidate) -> dict[str, bytes]:
    return candidate_files.pack(fitted, package_files.pack(fitted.model, FRAME, {}), CONTENDER)


@EACH
def test_what_is_read_back_is_the_contender_its_settings_and_every_learner(candidate: Candidate) -> None:
    fitted = fit(candidate)
    draft = candidate_files.load(files(fitted), type(candidate)(), YES_OR_NO)
    again = draft.restore(NIGHTS)
    assert (draft.contender, again.candidate) == (CONTENDER, candidate)
    np.testing.assert_array_equal(again.scores, fitted.scores)
    np.testing.assert_array_equal(again.out_of_fold, fitted.out_of_fold)
    encoded = fitted.model.encoder.encode(FRAME)
    for one, other in zip(fitted.folds, again.folds, strict=True):
        assert one.learner.dump() == other.learner.dump()
        np.testing.assert_allclose(one.learner.raw(encoded), other.learner.raw(encoded), atol=1e-12)


@EACH
def test_a_model_packed_from_its_draft_is_the_same_package(candidate: Candidate) -> None:
    fitted = fit(candidate)
    again = candidate_files.load(files(fitted), candidate, YES_OR_NO).restore(NIGHTS)
    packed = [package_files.pack(each.model, FRAME, {}) for each in (fitted, again)]
    assert [packed[0].files[name] == packed[1].files[name] for name in ("learner.txt", "encoder.json")] == [True, True]


def test_a_draft_of_what_could_not_be_fitted_says_why() -> None:
    with pytest.raises(RefusalError, match="too little"):
        candidate_files.load(candidate_files.pack_refusal(RefusalError("too little")), Logistic(), YES_OR_NO)
