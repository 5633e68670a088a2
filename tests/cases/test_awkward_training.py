"""Whatever a column of the history holds, a candidate learns, and a batch is scored as its rows are."""

import numpy as np
import pandas as pd
import pytest

from ml.arrays import Floats
from ml.errors import RefusalError
from ml.training import fitting
from ml.training.fitting import Model
from ml.usecase import Candidate, GradientBoosting, Logistic
from tests.ml.answers import YES_OR_NO

COUNT = 1200
CHANCE = np.random.default_rng(0)
NIGHTS = np.repeat([f"2024-01-{day:02d}" for day in range(1, 25)], COUNT // 24).astype(object)
LABELS = (CHANCE.random(COUNT) < 0.4).astype(float)
PLAIN = pd.DataFrame(
    {
        "num": CHANCE.normal(size=COUNT) + LABELS,
        "cat": pd.Series(CHANCE.choice(["a", "b"], COUNT)).astype("category"),
    }
)
ODD = ["", '"', "\n", "nan", "None", "ü,[", "a\tb"]
FRAMES = {
    "plain": PLAIN,
    "constant": PLAIN.assign(k=1.0),
    "number never known": PLAIN.assign(k=np.nan),
    "category never known": PLAIN.assign(k=pd.Series([None] * COUNT, dtype=object).astype("category")),
    "names with JSON's characters": PLAIN.rename(columns={"num": 'a[b]{"c":1},ü:d', "cat": "cat,1"}),
    "2000 levels": PLAIN.assign(k=pd.Series([f"l{number % 2000}" for number in range(COUNT)]).astype("category")),
    "odd levels": PLAIN.assign(k=pd.Series(CHANCE.choice(ODD, COUNT)).astype("category")),
    "bool": PLAIN.assign(k=CHANCE.random(COUNT) < 0.5),
    "nullable whole numbers": PLAIN.assign(k=pd.array([1, None] * (COUNT // 2), dtype="Int64")),
    "numbers next to nothing": PLAIN.assign(k=CHANCE.random(COUNT) * 1e-320),
}
CANDIDATES = pytest.mark.parametrize(
    "candidate", [Logistic(), GradientBoosting(trees=10, leaves=4, rows_per_leaf=20)], ids=["linear", "trees"]
)


def learned(candidate: Candidate, frame: pd.DataFrame, labels: Floats = LABELS) -> Model:
    gathered = fitting.prepare(frame, labels, NIGHTS, tuple(frame.columns), target=YES_OR_NO, seed=1, threads=1)
    return fitting.fit(candidate, gathered).model


@CANDIDATES
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_a_batch_is_scored_as_its_rows_are(candidate: Candidate, frame: pd.DataFrame) -> None:
    model = learned(candidate, frame)
    scores = model.predict(frame)
    assert np.isfinite(scores).all()
    row = frame.iloc[0]
    assert model.predict_row(row.where(row.notna(), None).to_dict()) == pytest.approx(scores[0], abs=1e-9)


@CANDIDATES
@pytest.mark.parametrize(
    "labels", [np.zeros(COUNT), np.where(np.arange(COUNT) < 900, 0.0, LABELS)], ids=["always", "in the first weeks"]
)
def test_labels_of_one_kind_are_too_little_to_learn_from(candidate: Candidate, labels: Floats) -> None:
    with pytest.raises(
        RefusalError, match="expected labels of both classes in 2024-01-01..2024-01-06 to learn from, got only 0"
    ):
        learned(candidate, PLAIN, labels)
