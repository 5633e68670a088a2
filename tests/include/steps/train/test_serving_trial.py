"""A package is tried in a process of its own, on rows drawn the same by everybody."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from include.serving import subprocesses
from include.settings import Settings
from include.steps.train import serving_trial
from include.stores import packages
from include.stores.signing import model_signing
from ml.errors import PackageError
from ml.packaging import package_files
from ml.training import fitting
from tests.include.serving.test_verify_package import FRAME, LABELS, NIGHTS, TREES
from tests.ml.answers import YES_OR_NO

pytestmark = pytest.mark.usefixtures("own_processes")
ROWS = FRAME.head(60).assign(entity=[f"{place % 50:03d}" for place in range(60)])
WHEN = date(2013, 1, 12)


@pytest.fixture
def digest(home: Settings) -> str:
    """The digest of a signed package in its store."""
    model = fitting.fit(
        TREES, fitting.prepare(FRAME, LABELS, NIGHTS, ("hour", "zone"), target=YES_OR_NO, seed=1, threads=1)
    ).model
    packed = package_files.pack(model, FRAME, {})
    packages.put(home.packages, packed.digest, model_signing.sign(packed.digest, packed.files, home))
    return packed.digest


def test_of_each_entity_the_last_row_is_drawn_and_the_same_by_every_draw() -> None:
    drawn = serving_trial.sample(ROWS)
    assert sorted(drawn["entity"]) == sorted(set(ROWS["entity"]))
    assert drawn.index.min() >= 10
    pd.testing.assert_frame_equal(serving_trial.sample(ROWS), drawn)
    assert (
        len(serving_trial.sample(pd.concat([FRAME] * 9).assign(entity=lambda rows: range(len(rows)))))
        == serving_trial.SAMPLE_ROWS
    )


def test_answers_come_in_the_order_of_the_rows_that_come_with_them(home: Settings, digest: str) -> None:
    trial, rows = serving_trial.run(home.packages, digest, serving_trial.sample(ROWS), ("hour", "zone"), WHEN, home)
    model = package_files.load(packages.get(home.packages, digest, home.trusted_keys))
    assert trial.single_row_scores == pytest.approx(model.predict(rows).tolist(), abs=1e-12)
    assert trial.p99_ms > 0


def test_a_package_that_cannot_be_served_is_told_with_the_last_words_of_its_process(
    home: Settings, digest: str
) -> None:
    (home.packages / digest / "learner.txt").write_bytes(b"tree")
    with pytest.raises(PackageError, match=r"cannot be served: .*'learner.txt' should have SHA-256"):
        serving_trial.run(home.packages, digest, serving_trial.sample(ROWS), ("hour", "zone"), WHEN, home)


def test_a_process_that_does_not_answer_is_given_up(
    home: Settings, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocesses, "_SECONDS", 0.01)
    with pytest.raises(
        PackageError, match=r"cannot be served: include.serving.verify_package did not finish in 0\.01 s"
    ):
        subprocesses.run("include.serving.verify_package", Path(home.packages), digest, home)
