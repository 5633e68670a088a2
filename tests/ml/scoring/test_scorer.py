"""A package is answered by NumPy alone as by the model server, and proven before it is."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from ml.errors import PackageError, ScoreRequestError
from ml.packaging import package_files
from ml.packaging.package_files import MANIFEST, Package
from ml.scoring import manifest, scorer
from tests.ml.packaging.test_package_files import BOTH, FACTS, FRAME, MODELS

ROW: dict[str, object] = {"zone": "east", "miles": 1.0, "stops": 2, "note": "fog"}


def packed(name: str = "gradient_boosting") -> Package:
    return package_files.pack(MODELS[name], FRAME, FACTS)


@BOTH
def test_rows_with_texts_and_gaps_get_the_scores_of_the_model(name: str) -> None:
    package = packed(name)
    rows = json.loads(package_files.pack(MODELS[name], FRAME, FACTS).files["golden.json"])["rows"]
    result = scorer.load_package(package.files, package.digest).score(rows)
    np.testing.assert_allclose(result, [MODELS[name].predict_row(row) for row in rows], rtol=0, atol=1e-15)


@BOTH
@pytest.mark.parametrize("note", ["", " ", " fog at the gate "])
def test_a_computed_text_of_a_golden_row_is_taken_as_it_was_in_training(name: str, note: str) -> None:
    package = package_files.pack(MODELS[name], FRAME.assign(note=note), FACTS)
    assert scorer.load_package(package.files, package.digest).digest == package.digest


@BOTH
def test_a_request_is_read_as_a_landed_row(name: str) -> None:
    model = scorer.load_package(packed(name).files, packed(name).digest)
    padded, missing = {"zone": " east\t", "note": "fog "}, {"zone": " ", "note": ""}
    rows = [ROW | padded, ROW | {"zone": "east", "note": "fog"}, ROW | missing, ROW | {"zone": None, "note": None}]
    first, second, third, fourth = model.score(rows)
    assert (first, third) == (second, fourth)


def test_it_says_which_package_it_is_and_where_that_comes_from() -> None:
    package = packed()
    result = scorer.load_package(package.files, package.digest)
    assert (result.digest, result.use_case, result.facts) == (package.digest, "taxi", FACTS)


def test_no_rows_have_no_scores() -> None:
    package = packed()
    assert scorer.load_package(package.files, package.digest).score([]) == []


@pytest.mark.parametrize(
    ("row", "reported"),
    [
        pytest.param(ROW | {"miles": "far"}, "miles: expected a number or null, got 'far'", id="a text for a number"),
        pytest.param(ROW | {"zone": 3}, "zone: expected a text or null, got 3", id="a number for a text"),
        pytest.param(ROW | {"miles": float("inf")}, "miles: expected a finite number", id="a number without end"),
        pytest.param(ROW | {"colour": "red"}, "got 'colour': leave it out", id="an unknown feature"),
        pytest.param({"zone": "east"}, "lacking: 'miles', 'stops', 'note'", id="lacking features"),
    ],
)
def test_what_the_server_refuses_is_refused(row: dict[str, object], reported: str) -> None:
    package = packed()
    with pytest.raises(ScoreRequestError, match=reported):
        scorer.load_package(package.files, package.digest).score([ROW, row])


def swap(files: dict[str, bytes], name: str, content: bytes) -> dict[str, bytes]:
    return files | {name: content}


def other_golden(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return a package whose manifest vouches for golden scores that its model does not give."""
    golden = json.loads(files["golden.json"])
    content = json.dumps(golden | {"scores": [0.5 for _ in golden["scores"]]}).encode()
    promise = json.loads(files[MANIFEST])
    promise["files"]["golden.json"] = manifest.sha256(content)
    return {**files, "golden.json": content, MANIFEST: json.dumps(promise).encode()}


@pytest.mark.parametrize(
    ("damage", "reported"),
    [
        pytest.param(lambda files: swap(files, MANIFEST, b"{}"), "got one whose manifest.json has SHA-256", id="another manifest"),
        pytest.param(lambda files: {}, "expected the package", id="no files"),
        pytest.param(lambda files: swap(files, "learner.txt", b"tree"), "learner.txt: expected SHA-256", id="other trees"),
    ],
)  # fmt: skip
def test_other_bytes_are_refused(damage: Callable[[dict[str, bytes]], dict[str, bytes]], reported: str) -> None:
    package = packed()
    with pytest.raises(PackageError, match=reported):
        scorer.load_package(damage(dict(package.files)), package.digest)


def test_a_package_that_gives_its_golden_rows_other_scores_is_refused() -> None:
    files = other_golden(dict(packed().files))
    with pytest.raises(PackageError, match="golden rows scored at the edge are off by"):
        scorer.load_package(files, manifest.sha256(files[MANIFEST]))
