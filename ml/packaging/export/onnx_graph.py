"""A model as an ONNX graph of double precision, from raw values of features to scores.

Operators: opset 21, ai.onnx.ml 5. Each feature is an input of its own, of shape (rows, 1): a number is a double, missing as
NaN; a category is a string, missing as any string that is none of its levels, such as the empty one. The output `score` is a double, (rows, 1).
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
from ml.governance import manifest
from ml.packaging import package_files
from ml.packaging.export import onnx_trees
from ml.packaging.export.numpy_trees import NEAR_ZERO, Forest
from ml.packaging.export.scorer import Scorer
from ml.scoring.request_schema import Row, Taken
from ml.statistics.logistic import LARGEST
from ml.targets.calibration import Calibration, Correction
from ml.training.encoding import Encoder
from ml.training.learners.design import FARTHEST, Design
from ml.training.learners.linear import Linear
from ml.training.learners.network import Network

SCORE, MISSING = "score", ""
_TREES = "ai.onnx.ml"
_OPSETS, _IR_VERSION = (("", 21), (_TREES, 5)), 10
_SHAPE = ("rows", 1)
_FIRST_LEVEL = 1.0  # not 0, at which onnx's own evaluator takes a set of levels to end


def write(model: Scorer, files: Mapping[str, bytes], notes: Mapping[str, str]) -> bytes:
    """Return the bytes of the graph, which says of what package it was made, and has the `notes`.

    The same package gives the same bytes. Raises RequestError for a model that ONNX has no operators for, PackageError when
    onnx's own evaluator gives the golden rows other scores than the package says.
    """
    _require_expressible(model.encoder)
    graph = _Graph()
    features = _encoded(graph, model.encoder)
    raw = _raw(graph, model.learner, features)
    _corrected(graph, model.correction, raw)
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            model.use_case,
            [helper.make_tensor_value_info(name, _type(words), _SHAPE) for name, words in model.taken.words.items()],
            [helper.make_tensor_value_info(SCORE, TensorProto.DOUBLE, _SHAPE)],
            initializer=graph.constants,
        ),
        opset_imports=[helper.make_opsetid(*each) for each in _OPSETS],
        ir_version=_IR_VERSION,
        producer_name="ratchet",
    )
    helper.set_model_props(made, _properties(model, files) | dict(notes))
    onnx.checker.check_model(made, full_check=True)
    _prove(made, model, json.loads(files["golden.json"]))
    return bytes(made.SerializeToString(deterministic=True))


def _require_expressible(encoder: Encoder) -> None:
    if encoder.texts:
        raise RequestError(
            f"expected a model of numbers and categories, got one that reads the texts {', '.join(encoder.texts)}: ONNX has "
            "no operator for their hashed n-grams; export the wheel"
        )
    if any(MISSING in levels for levels in encoder.levels.values() if levels):
        raise RequestError("a category has the empty text for a level, which says missing here: export the wheel")
    if SCORE in encoder.names:
        raise RequestError(f"a feature is called {SCORE!r}, as the graph's output is; rename it, or export the wheel")


def _prove(made: onnx.ModelProto, model: Scorer, golden: Mapping[str, Any]) -> None:
    if golden["rows"]:
        (found,) = ReferenceEvaluator(made).run([SCORE], feed(model.taken, golden["rows"]))
        package_files.hold_golden("as a graph", np.asarray(found)[:, 0], golden["scores"])


def feed(taken: Taken, rows: Sequence[Row]) -> dict[str, Any]:
    """Return rows, one or more, as the graph's inputs; what is missing becomes NaN, or a string that is no level."""
    complete = [taken.complete(row) for row in rows]
    return {
        name: np.array([[MISSING if row[name] is None else row[name]] for row in complete], object)
        if words
        else np.array([[row[name]] for row in complete], np.float64)
        for name, words in taken.words.items()
    }


def _properties(model: Scorer, files: Mapping[str, bytes]) -> dict[str, str]:
    told = json.loads(files[manifest.NAME])
    return {
        "package": model.digest,
        "use_case": model.use_case,
        "facts": json.dumps(told["facts"], sort_keys=True),
        "features": json.dumps(told["features"]),
        "golden_sha256": told["files"]["golden.json"],
        "manifest": files[manifest.NAME].decode(),
    }


def _type(words: bool) -> int:
    return int(TensorProto.STRING if words else TensorProto.DOUBLE)


class _Graph:
    """Nodes and constants, each named by its place."""

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

    def within(self, value: str, low: float, high: float) -> str:
        """Add what keeps a value from `low` to `high`, and return its name."""
        return self.node("Min", self.node("Max", value, self.constant(low)), self.constant(high))

    def affine(self, value: str, slope: float, offset: float) -> str:
        """Add slope x value + offset, and return its name."""
        return self.node("Add", self.node("Mul", value, self.constant(slope)), self.constant(offset))


def _encoded(graph: _Graph, encoder: Encoder) -> str:
    """Add what `Encoder.encode` does, and return the name of its (rows, columns)."""
    columns = [name if levels is None else _places(graph, name, levels) for name, levels in encoder.levels.items()]
    return graph.node("Concat", *columns, axis=1)


def _places(graph: _Graph, name: str, levels: tuple[str, ...]) -> str:
    """Add what turns a category into the place of its level, or NaN, and return the name."""
    known = levels or ("",)  # a table of none is no table
    places = np.arange(len(levels)) + _FIRST_LEVEL if levels else np.array([np.nan])
    return graph.node(
        "LabelEncoder",
        name,
        domain=_TREES,
        keys_strings=list(known),
        values_tensor=numpy_helper.from_array(places, "places"),
        default_tensor=numpy_helper.from_array(np.array([np.nan]), "unseen"),
    )


def _raw(graph: _Graph, learner: Forest | Linear | Network, features: str) -> str:
    match learner:
        case Forest():
            return _grown(graph, learner, features)
        case Linear():
            product = graph.node(
                "MatMul", _matrix(graph, learner.design, features), graph.constant(learner.weights[:, None])
            )
            return graph.node("Add", product, graph.constant(learner.intercept))
        case Network():
            return _layered(graph, learner, features)


def _layered(graph: _Graph, learner: Network, features: str) -> str:
    *hidden, (last, offsets) = learner.layers
    values = _matrix(graph, learner.design, features)
    for weights, shift in hidden:
        summed = graph.node("Add", graph.node("MatMul", values, graph.constant(weights)), graph.constant(shift))
        values = graph.node("Max", summed, graph.constant(0.0))
    return graph.node("Add", graph.node("MatMul", values, graph.constant(last)), graph.constant(offsets))


def _matrix(graph: _Graph, design: Design, features: str) -> str:
    """Add what `Design.matrix` does, and return the name of its (rows, width)."""
    sizes = np.array(design.sizes)
    numbers = np.flatnonzero(sizes == 0)
    parts = []
    if len(numbers):
        values = graph.node("Gather", features, graph.constant(numbers), axis=1)
        missing = graph.node("IsNaN", values)
        centred = graph.node("Sub", values, graph.constant(design.means))
        standard = graph.within(graph.node("Div", centred, graph.constant(design.scales)), -FARTHEST, FARTHEST)
        parts.append(graph.node("Where", missing, graph.constant(0.0), standard))
        flagged = np.flatnonzero(design.flagged)
        if len(flagged):
            flags = graph.node("Gather", missing, graph.constant(flagged), axis=1)
            parts.append(graph.node("Cast", flags, to=TensorProto.DOUBLE))
    for column in np.flatnonzero(sizes):
        place = graph.node("Gather", features, graph.constant(np.array([column])), axis=1)
        is_level = graph.node("Equal", place, graph.constant(np.arange(sizes[column]) + _FIRST_LEVEL))
        parts.append(graph.node("Cast", is_level, to=TensorProto.DOUBLE))
    return graph.node("Concat", *parts, axis=1)


def _grown(graph: _Graph, forest: Forest, features: str) -> str:
    """Add the trees, to which what is nearly zero is zero, and return the name of their sum."""
    near = graph.node("LessOrEqual", graph.node("Abs", features), graph.constant(NEAR_ZERO))
    values = graph.node("Where", near, graph.constant(0.0), features)
    return graph.node("TreeEnsemble", values, domain=_TREES, **onnx_trees.attributes(forest, int(_FIRST_LEVEL)))


def _corrected(graph: _Graph, correction: Correction, raw: str) -> None:
    moved = graph.affine(raw, correction.slope, correction.offset)
    if isinstance(correction, Calibration):
        odds = graph.node("Exp", graph.node("Neg", graph.within(moved, -LARGEST, LARGEST)))
        one = graph.constant(1.0)
        graph.node("Div", one, graph.node("Add", one, odds), output=SCORE)
    else:
        graph.node("Identity", graph.within(moved, correction.low, correction.high), output=SCORE)
