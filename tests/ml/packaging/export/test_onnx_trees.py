"""Trees become a TreeEnsemble that sends every row to the same leaves, whoever reads it."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from ml.arrays import Floats
from ml.errors import RequestError
from ml.packaging.export import onnx_trees
from ml.scoring import numpy_trees
from ml.scoring.numpy_trees import Forest
from tests.ml.scoring.test_numpy_trees import COUNT, FEATURES, KINDS, grown, on_thresholds

FIRST = 1
CATEGORIES = [0, 3]


def model(result: Forest) -> bytes:
    node = helper.make_node("TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml", **onnx_trees.attributes(result, FIRST))
    values = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, width]) for name, width in (("x", 4), ("y", 1))
    ]
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    made = helper.make_model(
        helper.make_graph([node], "g", values[:1], values[1:]), opset_imports=opsets, ir_version=10
    )
    onnx.checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString())


def by_runtime(content: bytes, asked: Floats) -> Floats:
    session: Any = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": asked})[0][:, 0])


def by_reference(content: bytes, asked: Floats) -> Floats:
    evaluator: Any = ReferenceEvaluator(onnx.load_from_string(content))
    return np.asarray(evaluator.run(None, {"x": asked})[0][:, 0])


@pytest.mark.parametrize("answer", [by_runtime, by_reference], ids=["ONNX Runtime", "onnx's own evaluator"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "zero is missing"])
def test_rows_on_thresholds_and_in_sets_go_the_same_way(kind: str, answer: Any) -> None:
    result = numpy_trees.parse(grown(**KINDS[kind]).model_to_string())
    asked = np.vstack([FEATURES[:: COUNT // 100], on_thresholds(result).reshape(-1, 4)[:300], np.full((1, 4), np.nan)])
    asked[:, 2] = np.where(np.abs(asked[:, 2]) <= numpy_trees.NEAR_ZERO, 0.0, asked[:, 2])
    counted = asked.copy()
    counted[:, CATEGORIES] += FIRST
    np.testing.assert_allclose(answer(model(result), counted), result.raw(asked), rtol=1e-14, atol=1e-14)


def test_trees_to_which_zero_is_missing_are_refused() -> None:
    result = numpy_trees.parse(grown(**KINDS["zero is missing"]).model_to_string())
    with pytest.raises(RequestError, match="zero_as_missing: export the wheel"):
        onnx_trees.attributes(result, FIRST)
