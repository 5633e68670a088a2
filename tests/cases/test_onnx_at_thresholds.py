"""Rows on, and one step beside, each threshold of the trees have the same score as ONNX and as the package."""

import re

import numpy as np
import onnxruntime
import pytest

from ml.packaging.export import onnx_graph
from ml.packaging.package_files import Package
from ml.scoring import scorer
from ml.scoring.request_schema import RequestSchema
from ml.training.fitting import Model
from tests import edge

ALWAYS = [0.0, -0.0, 1e300, -1e300, 5e-324, 1.0, 2**53 + 1.0]
NUMBER = re.compile(rb"[-+0-9.e]+")


def cuts(package: Package) -> list[float]:
    """Return some numbers that are always awkward, and the thresholds of the package's trees."""
    lines = [line for text in package.files.values() for line in re.findall(rb"threshold=([^\n\\]+)", text)]
    words = [word for line in lines for word in line.replace(b'"', b" ").split()]
    return [*ALWAYS, *(float(word) for word in words if NUMBER.fullmatch(word))][:400]


def asked(model: Model, at: list[float]) -> list[dict[str, object]]:
    """Return a row for each number and place, for each place left out, and for a category that nobody has seen."""
    levels, texts = model.encoder.levels, model.encoder.texts
    base: dict[str, object] = {
        name: known[0] if known else ("north" if known is not None or name in texts else 1.0)
        for name, known in levels.items()
    }
    numbers = [name for name, known in levels.items() if known is None and name not in texts]
    rows = [base | {name: value} for name in numbers for value in at]
    rows += [base | {name: None} for name in base]
    return rows + [base | {name: "never seen é"} for name, known in levels.items() if known]


@pytest.mark.parametrize("kind", edge.KINDS)
def test_no_row_at_a_threshold_is_scored_apart(kind: str) -> None:
    model = edge.model(kind)
    package = edge.package(model)
    steps = [
        (cut, np.nextafter(cut, np.inf), np.nextafter(cut, -np.inf), float(np.float32(cut)))
        for cut in cuts(package)
        if abs(cut) < float(np.finfo(np.float32).max)
    ]
    at = [float(value) for each in steps for value in each] + [1e300, -1e300]
    rows = asked(model, at)
    session = onnxruntime.InferenceSession(
        onnx_graph.export(scorer.load_package(package.files, package.digest), package.files, {})
    )
    scored = np.asarray(
        session.run(None, onnx_graph.to_inputs(RequestSchema.from_encoder(model.encoder), rows))[0], float
    ).ravel()
    expected = np.array([model.predict_row(row) for row in rows])
    assert np.abs(scored - expected).max() <= 1e-9
