"""Export to ONNX: a graph in double precision from raw feature values to scores.

Operators: opset 21, ai.onnx.ml 5. Each feature is an input of shape (rows, 1). A number is a double; missing is NaN. A
category is a string; missing is any string that is not one of its levels, such as the empty string. The output `score`
is a double of shape (rows, 1).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from ml.arrays import Floats, Integers
from ml.errors import RequestError
from ml.packaging.export import onnx_trees
from ml.scoring import manifest, package_reader
from ml.scoring.calibration import Calibration, Correction
from ml.scoring.design import MAX_DEVIATIONS, Design
from ml.scoring.encoder import Encoder
from ml.scoring.linear import Linear
from ml.scoring.logistic import MAX_LOG_ODDS
from ml.scoring.network import Network
from ml.scoring.numpy_trees import NEAR_ZERO, Forest
from ml.scoring.request_schema import RequestSchema, Row
from ml.scoring.scorer import Scorer

SCORE, MISSING_TEXT = "score", ""
_TREES = "ai.onnx.ml"
_OPSETS, _IR_VERSION = (("", 21), (_TREES, 5)), 10
_SHAPE = ("rows", 1)
_FIRST_LEVEL_INDEX = 1.0  # not 0, because onnx's reference evaluator ends a set of levels at 0


def export(model: Scorer, files: Mapping[str, bytes], extra_metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of the graph; its metadata identifies the package, and has the `extra_metadata`.

    The same package gives the same bytes. Raises RequestError for a model that ONNX has no operators for. Raises
    PackageError when onnx's reference evaluator does not give the golden rows the scores in the package.
    """
    _check_exportable(model.encoder)
    graph = _Graph()
    features = _add_encoding(graph, model.encoder)
    raw = _add_learner(graph, model.learner, features)
    _add_correction(graph, model.correction, raw)
    onnx_model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            model.use_case,
            [
                helper.make_tensor_value_info(name, _tensor_type(is_text), _SHAPE)
                for name, is_text in model.request_schema.is_text.items()
            ],
            [helper.make_tensor_value_info(SCORE, TensorProto.DOUBLE, _SHAPE)],
            initializer=graph.constants,
        ),
        opset_imports=[helper.make_opsetid(*each) for each in _OPSETS],
        ir_version=_IR_VERSION,
        producer_name="ratchet",
    )
    helper.set_model_props(onnx_model, _properties(model, files) | dict(extra_metadata))
    onnx.checker.check_model(onnx_model, full_check=True)
    _verify_golden_rows(onnx_model, model, json.loads(files["golden.json"]))
    return bytes(onnx_model.SerializeToString(deterministic=True))


def _check_exportable(encoder: Encoder) -> None:
    if encoder.texts:
        raise RequestError(
            f"expected a model of numbers and categories, got one that reads the texts {', '.join(encoder.texts)}: "
            "ONNX has no operator for their hashed n-grams; export the wheel"
        )
    if any(MISSING_TEXT in levels for levels in encoder.levels.values() if levels):
        raise RequestError("a category has the empty text as a level, which means missing in ONNX: export the wheel")
    if SCORE in encoder.names:
        raise RequestError(f"a feature is called {SCORE!r}, like the graph's output; rename it, or export the wheel")


def _verify_golden_rows(onnx_model: onnx.ModelProto, model: Scorer, golden: Mapping[str, Any]) -> None:
    if golden["rows"]:
        (output,) = ReferenceEvaluator(onnx_model).run([SCORE], _arrays(model.request_schema, golden["rows"]))
        package_reader.check_golden_scores("as a graph", np.asarray(output)[:, 0], golden["scores"])


def to_inputs(request_schema: RequestSchema, rows: Sequence[Row]) -> dict[str, Any]:
    """Return one or more rows as the graph's inputs; a missing number becomes NaN, and a missing category "".

    Raises ScoreRequestError as `RequestSchema.complete` does.

    >>> schema = RequestSchema(is_text={"zone": True, "miles": False})
    >>> {name: values.tolist() for name, values in to_inputs(schema, [{"zone": None, "miles": 3}]).items()}
    {'zone': [['']], 'miles': [[3.0]]}
    """
    return _arrays(request_schema, [request_schema.complete(row) for row in rows])


def _arrays(request_schema: RequestSchema, rows: Sequence[Row]) -> dict[str, Any]:
    """Return rows of all features as they were in training, such as golden rows, as the graph's inputs."""
    return {
        name: np.array([[MISSING_TEXT if row[name] is None else row[name]] for row in rows], object)
        if is_text
        else np.array([[row[name]] for row in rows], np.float64)
        for name, is_text in request_schema.is_text.items()
    }


def _properties(model: Scorer, files: Mapping[str, bytes]) -> dict[str, str]:
    package_manifest = json.loads(files[manifest.NAME])
    return {
        "package": model.digest,
        "use_case": model.use_case,
        "facts": json.dumps(package_manifest["facts"], sort_keys=True),
        "features": json.dumps(package_manifest["features"]),
        "golden_sha256": package_manifest["files"]["golden.json"],
        "manifest": files[manifest.NAME].decode(),
    }


def _tensor_type(is_text: bool) -> int:
    return int(TensorProto.STRING if is_text else TensorProto.DOUBLE)


class _Graph:
    """A graph under construction: nodes and constants, each named by its index."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, operator: str, *inputs: str, output: str | None = None, domain: str = "", **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        output = output or f"/{operator}/{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], output, domain=domain, **attributes))
        return output

    def constant(self, value: Floats | Integers | float) -> str:
        """Add a constant, and return its name."""
        name = f"/constant/{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def clip(self, value: str, low: float, high: float) -> str:
        """Add nodes that clip a value to [low, high], and return the name of the output."""
        return self.node("Min", self.node("Max", value, self.constant(low)), self.constant(high))

    def affine(self, value: str, slope: float, offset: float) -> str:
        """Add nodes for slope x value + offset, and return the name of the output."""
        return self.node("Add", self.node("Mul", value, self.constant(slope)), self.constant(offset))


def _add_encoding(graph: _Graph, encoder: Encoder) -> str:
    """Add the equivalent of `Encoder.encode`, and return the name of its output of shape (rows, columns)."""
    columns = [
        name if levels is None else _add_level_lookup(graph, name, levels) for name, levels in encoder.levels.items()
    ]
    return graph.node("Concat", *columns, axis=1)


def _add_level_lookup(graph: _Graph, name: str, levels: tuple[str, ...]) -> str:
    """Add a node that maps a category to the index of its level, or to NaN, and return the name of its output."""
    keys = levels or ("",)  # the operator does not allow an empty table
    level_indices = np.arange(len(levels)) + _FIRST_LEVEL_INDEX if levels else np.array([np.nan])
    return graph.node(
        "LabelEncoder",
        name,
        domain=_TREES,
        keys_strings=list(keys),
        values_tensor=numpy_helper.from_array(level_indices, "places"),
        default_tensor=numpy_helper.from_array(np.array([np.nan]), "unseen"),
    )


def _add_learner(graph: _Graph, learner: Forest | Linear | Network, features: str) -> str:
    match learner:
        case Forest():
            return _add_trees(graph, learner, features)
        case Linear():
            product = graph.node(
                "MatMul", _add_design_matrix(graph, learner.design, features), graph.constant(learner.weights[:, None])
            )
            return graph.node("Add", product, graph.constant(learner.intercept))
        case Network():
            return _add_network(graph, learner, features)


def _add_network(graph: _Graph, learner: Network, features: str) -> str:
    *hidden, (last, offsets) = learner.layers
    values = _add_design_matrix(graph, learner.design, features)
    for weights, shift in hidden:
        summed = graph.node("Add", graph.node("MatMul", values, graph.constant(weights)), graph.constant(shift))
        values = graph.node("Max", summed, graph.constant(0.0))
    return graph.node("Add", graph.node("MatMul", values, graph.constant(last)), graph.constant(offsets))


def _add_design_matrix(graph: _Graph, design: Design, features: str) -> str:
    """Add the equivalent of `Design.matrix`, and return the name of its output of shape (rows, width)."""
    sizes = np.array(design.sizes)
    numbers = np.flatnonzero(sizes == 0)
    parts = []
    if len(numbers):
        values = graph.node("Gather", features, graph.constant(numbers), axis=1)
        missing = graph.node("IsNaN", values)
        centred = graph.node("Sub", values, graph.constant(design.means))
        standard = graph.clip(
            graph.node("Div", centred, graph.constant(design.scales)), -MAX_DEVIATIONS, MAX_DEVIATIONS
        )
        parts.append(graph.node("Where", missing, graph.constant(0.0), standard))
        flagged = np.flatnonzero(design.flagged)
        if len(flagged):
            flags = graph.node("Gather", missing, graph.constant(flagged), axis=1)
            parts.append(graph.node("Cast", flags, to=TensorProto.DOUBLE))
    for column in np.flatnonzero(sizes):
        level_index = graph.node("Gather", features, graph.constant(np.array([column])), axis=1)
        is_level = graph.node("Equal", level_index, graph.constant(np.arange(sizes[column]) + _FIRST_LEVEL_INDEX))
        parts.append(graph.node("Cast", is_level, to=TensorProto.DOUBLE))
    return graph.node("Concat", *parts, axis=1)


def _add_trees(graph: _Graph, forest: Forest, features: str) -> str:
    """Add the trees, after values near zero are set to zero as in LightGBM, and return the name of their sum."""
    near_zero = graph.node("LessOrEqual", graph.node("Abs", features), graph.constant(NEAR_ZERO))
    values = graph.node("Where", near_zero, graph.constant(0.0), features)
    return graph.node("TreeEnsemble", values, domain=_TREES, **onnx_trees.attributes(forest, int(_FIRST_LEVEL_INDEX)))


def _add_correction(graph: _Graph, correction: Correction, raw: str) -> None:
    corrected = graph.affine(raw, correction.slope, correction.offset)
    if isinstance(correction, Calibration):
        odds = graph.node("Exp", graph.node("Neg", graph.clip(corrected, -MAX_LOG_ODDS, MAX_LOG_ODDS)))
        one = graph.constant(1.0)
        graph.node("Div", one, graph.node("Add", one, odds), output=SCORE)
    else:
        graph.node("Identity", graph.clip(corrected, correction.low, correction.high), output=SCORE)
