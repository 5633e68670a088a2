"""A package as one ONNX graph, from raw values to scores."""

import json
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest

from bench import score_paths
from ml.errors import PackageError, RequestError
from ml.packaging import package_files
from ml.packaging.export import onnx_graph
from ml.packaging.package_files import MANIFEST, Package
from ml.scoring import manifest, scorer
from ml.scoring.calibration import Calibration
from ml.scoring.design import Design
from ml.scoring.encoder import Encoder
from ml.scoring.linear import Linear
from ml.training.fitting import Model
from tests import edge
from tests.ml.scoring.test_scorer import other_golden

EACH = pytest.mark.parametrize("kind", edge.KINDS)


def written(package: Package, **notes: str) -> bytes:
    return onnx_graph.export(scorer.load_package(package.files, package.digest), package.files, notes)


def linear(**levels: tuple[str, ...] | None) -> Model:
    """Return a linear model of such features, which has seen none missing."""
    sizes = tuple(len(each) if each else 0 for each in levels.values())
    numbers = sum(not size for size in sizes)
    design = Design(sizes=sizes, means=np.ones(numbers), scales=np.ones(numbers), flagged=np.zeros(numbers, bool))
    width = numbers + sum(sizes)
    learner = Linear(design=design, weights=np.arange(1.0, width + 1), intercept=0.25)
    return Model(encoder=Encoder(levels=levels), learner=learner, calibration=Calibration())


def packed(model: Model) -> Package:
    return package_files.pack(model, pd.DataFrame(columns=[*model.encoder.levels]), {"use_case": "toy"})


@EACH
def test_the_same_package_is_the_same_bytes(kind: str) -> None:
    package = edge.package(edge.model(kind))
    assert written(package) == written(package)


def test_the_graph_says_what_it_was_made_of() -> None:
    package = edge.package(edge.model("trees"))
    made = onnx.load_from_string(written(package, signature="s"))
    reported = {each.key: each.value for each in made.metadata_props}
    assert (reported["package"], reported["use_case"], reported["signature"]) == (package.digest, "taxi", "s")
    assert manifest.sha256(reported["manifest"].encode()) == package.digest
    assert reported["golden_sha256"] == manifest.sha256(package.files["golden.json"])
    assert json.loads(reported["facts"]) == package_files.facts(package.files)
    assert json.loads(reported["features"]) == json.loads(package.files[MANIFEST])["features"]
    shapes = {
        each.name: (
            each.type.tensor_type.elem_type,
            [d.dim_param or d.dim_value for d in each.type.tensor_type.shape.dim],
        )
        for each in (*made.graph.input, *made.graph.output)
    }
    assert shapes == {
        name: (kind, ["rows", 1])
        for name, kind in (
            ("hour", onnx.TensorProto.DOUBLE),
            ("zone", onnx.TensorProto.STRING),
            ("score", onnx.TensorProto.DOUBLE),
        )
    }


@pytest.mark.parametrize(
    "levels",
    [
        pytest.param({"zone": ("a", "b")}, id="categories alone"),
        pytest.param({"miles": None}, id="numbers alone"),
        pytest.param({"miles": None, "zone": ()}, id="a category of no level"),
    ],
)
def test_a_model_need_not_have_every_kind_of_feature(levels: Any, tmp_path: Any) -> None:
    model = linear(**levels)
    path = tmp_path / "toy.onnx"
    path.write_bytes(written(packed(model)))
    rows = [{"zone": zone, "miles": miles} for zone in ("a", "b", "c", None) for miles in (-1.5, 1e300, None)]
    asked = [{name: row[name] for name in levels} for row in rows]
    result = score_paths.by_onnx(path, scorer.RequestSchema.from_encoder(model.encoder), asked)
    np.testing.assert_allclose(result, [model.predict_row(row) for row in asked], rtol=1e-15)


@pytest.mark.parametrize(
    ("model", "reported"),
    [
        pytest.param(linear(score=None), "a feature is called 'score'", id="a feature called as the output is"),
        pytest.param(linear(zone=("", "a")), "the empty text as a level", id="a level that says missing"),
    ],
)
def test_what_the_graph_cannot_tell_apart_is_refused(model: Model, reported: str) -> None:
    with pytest.raises(RequestError, match=reported):
        written(packed(model))


def test_a_model_with_texts_is_refused_and_told_what_to_do() -> None:
    from tests.ml.scoring.test_scorer import packed as with_text

    with pytest.raises(RequestError, match="reads the texts note: ONNX has no operator .* export the wheel"):
        written(with_text())


def test_a_graph_that_gives_golden_rows_other_scores_is_never_written() -> None:
    package = edge.package(edge.model("trees"))
    files = other_golden(dict(package.files))
    model = scorer.load_package(package.files, package.digest)
    with pytest.raises(PackageError, match="golden rows scored as a graph are off by"):
        onnx_graph.export(model, files, {})
