"""Differences between the scores of all paths for the flagship's candidates, and the speed and size of edge exports.

The rows are real rows, adversarial rows, and rows on and next to the thresholds of trees. Each path has one thread.
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench import score_paths, workspace
from include.steps.context import StepContext

USE_CASE, HISTORY = "flights", "2013-01-01..2013-01-31"
_BEGIN, _END = "<!-- differences: written by `python -m bench edge` -->", "<!-- /differences -->"
_PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "edge-export.md"
_KNOWN, _THRESHOLDS, _SINGLES, _MANY, _ROUNDS, _SEED = 200, 200, 200, 5_000, 5, 2013


def run() -> dict[str, Any]:
    """Return, for each candidate, the largest difference of each path, sizes, and microseconds per row.

    The tables are also written into docs/how-to/edge-export.md.
    """
    with workspace.temporary(), TemporaryDirectory() as folder:
        measured = _measure(Path(folder))
    _publish(measured)
    return measured


def _measure(folder: Path) -> dict[str, Any]:
    from include.platform.local import setup
    from include.stores import registry

    case, settings = workspace.ingest(USE_CASE, HISTORY)
    rows = workspace.training_rows(case, settings, HISTORY)
    setup.make_folders(settings)
    setup.generate_secrets(settings)
    registry.prepare(settings)
    (folder / "numpy").mkdir()
    numpy_folder, measured = score_paths.link_numpy(folder / "numpy"), {}
    for seq, (name, model) in enumerate(_models(case, rows, settings), start=1):
        digest, files = _stored(case, model, rows, settings)
        records = _records(model, rows.frame.tail(_MANY))
        hard = score_paths.hard_rows(model, records[:_KNOWN], _THRESHOLDS)
        wheel, onnx = _exported(digest, folder)
        scores = score_paths.offline(model, hard, wheel, onnx, numpy_folder)
        scores |= _served(digest, model, hard, seq, settings)
        measured[name] = {"rows": len(hard)}
        if model.learner.kind == "trees":
            scores["mlflow models serve"] = _by_mlflow(case, digest, files, rows, hard, settings)
            measured[name]["with_singles"] = _with_singles(onnx, model, hard, scores[score_paths.BATCH])
        measured[name] |= {
            "apart": score_paths.largest_differences(scores),
            "bytes": {
                "package": sum(map(len, files.values())),
                **{path.suffix[1:]: path.stat().st_size for path in (wheel, onnx)},
            },
            "microseconds_a_row": _speed(model, files, digest, onnx, records),
        }
        print(name, json.dumps(measured[name]))
    return {"models": measured}


def _models(case: Any, rows: Any, settings: Any) -> Any:
    """Yield the name of each candidate, and its model trained on all rows."""
    from ml.training import fitting

    for candidate in case.candidates:
        yield candidate.name, fitting.fit(candidate, workspace.training_material(case, rows, settings, _SEED)).model


def _stored(case: Any, model: Any, rows: Any, settings: Any) -> tuple[str, dict[str, bytes]]:
    from include.steps.features import build, feature_pins
    from include.stores import packages
    from include.stores.signing import model_signing
    from ml.packaging import package_files

    pins = feature_pins.from_service(build.service(StepContext(case=case, settings=settings)), case.feature_names).facts
    facts = {"use_case": case.name, "night": HISTORY.rpartition("..")[2], **pins}
    packed = package_files.pack(model, rows.frame.tail(_KNOWN), facts)
    files = model_signing.sign(packed.digest, packed.files, settings)
    packages.put(settings.packages, packed.digest, files)
    return packed.digest, files


def _records(model: Any, frame: Any) -> list[dict[str, object]]:
    names = list(model.encoder.names)
    rows = frame[names].astype(object)
    records: list[dict[str, object]] = rows.where(rows.notna(), None).to_dict("records")
    return records


def _exported(digest: str, folder: Path) -> tuple[Path, Path]:
    from include.steps.train import export

    wheel, onnx = (
        export.export(digest, form, folder) for form in (export.ExportFormat.WHEEL, export.ExportFormat.ONNX)
    )
    return wheel, onnx


def _served(digest: str, model: Any, rows: Sequence[Any], seq: int, settings: Any) -> dict[str, list[float]]:
    from include.serving import child_server
    from include.stores import routing_store
    from ml.rollout.routing import Routing
    from ml.scoring.request_schema import RequestSchema

    routing_store.write(Routing(use_case=USE_CASE, seq=seq, champion=digest), settings)
    with child_server.run_server(USE_CASE, settings) as running:
        child_server.wait_until(lambda: _is_ready(running.address), "the server to be ready")
        return dict(score_paths.by_server(running.address, USE_CASE, RequestSchema.from_encoder(model.encoder), rows))


def _is_ready(address: str) -> bool:
    import httpx

    return httpx.get(f"{address}/readyz", trust_env=False).status_code == 200


def _by_mlflow(case: Any, digest: str, files: Any, rows: Any, hard: Sequence[Any], settings: Any) -> list[float]:
    from bench import servers
    from include import ports
    from include.stores import registry

    version = registry.register(settings, USE_CASE, digest, files, rows.frame[list(case.feature_names)].head())
    port = ports.free_port("127.0.0.1")
    with servers.mlflow(port, USE_CASE, version, settings):
        return score_paths.by_mlflow(f"http://127.0.0.1:{port}", hard)


def _with_singles(path: Path, model: Any, rows: Sequence[Any], expected: Sequence[float]) -> dict[str, float]:
    """Return the error of the same graph with its trees in single precision, as converters write them."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from ml.scoring.request_schema import RequestSchema

    graph = onnx.load(path)
    (trees,) = (node for node in graph.graph.node if node.op_type == "TreeEnsemble")
    for attribute in trees.attribute:
        if attribute.t.data_type == TensorProto.DOUBLE:
            narrow = numpy_helper.to_array(attribute.t).astype(np.float32)
            attribute.t.CopyFrom(numpy_helper.from_array(narrow, attribute.t.name))
    wide, answer = trees.input[0], trees.output[0]
    trees.input[0], trees.output[0] = "single", "sum"
    before = helper.make_node("Cast", [wide], ["single"], to=TensorProto.FLOAT)
    after = helper.make_node("Cast", ["sum"], [answer], to=TensorProto.DOUBLE)
    position = list(graph.graph.node).index(trees)
    graph.graph.node.insert(position + 1, after)
    graph.graph.node.insert(position, before)
    narrowed = path.with_suffix(".single.onnx")
    onnx.save(graph, narrowed)
    errors = np.abs(
        np.array(score_paths.by_onnx(narrowed, RequestSchema.from_encoder(model.encoder), rows)) - np.array(expected)
    )
    return {"largest": float(errors.max()), "rows_off_by_1e-4": int((errors > 1e-4).sum())}


def _speed(
    model: Any, files: Any, digest: str, onnx: Path, rows: list[dict[str, object]]
) -> dict[str, dict[str, float]]:
    """Return median microseconds per row, of one row at a time and of all at once, over alternating rounds."""
    import pandas as pd

    from ml.packaging.export import onnx_graph
    from ml.scoring import scorer
    from ml.scoring.request_schema import RequestSchema

    edge, session = scorer.load_package(files, digest), score_paths.session(onnx)
    schema, frame = RequestSchema.from_encoder(model.encoder), pd.DataFrame(rows, columns=list(model.encoder.names))
    feeds, feed = [onnx_graph.to_inputs(schema, [row]) for row in rows[:_SINGLES]], onnx_graph.to_inputs(schema, rows)
    single: dict[str, Callable[[int], object]] = {
        "the package": lambda index: model.predict_row(rows[index]),
        "wheel": lambda index: edge.score([rows[index]]),
        "ONNX Runtime": lambda index: session.run(None, feeds[index]),
    }
    many: dict[str, Callable[[], object]] = {
        "the package": lambda: model.predict(frame),
        "wheel": lambda: edge.score(rows),
        "ONNX Runtime": lambda: session.run(None, feed),
    }
    single_seconds: dict[str, list[float]] = {name: [] for name in single}
    batch_seconds: dict[str, list[float]] = {name: [] for name in many}
    for _ in range(_ROUNDS):
        for name, score in single.items():
            single_seconds[name] += [_seconds(lambda score=score, i=i: score(i)) for i in range(_SINGLES)]
        for name, score_all in many.items():
            batch_seconds[name].append(_seconds(score_all) / len(rows))
    return {
        name: {"one": round(median(single_seconds[name]) * 1e6, 1), "many": round(median(batch_seconds[name]) * 1e6, 2)}
        for name in single
    }


def _seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def _publish(measured: Mapping[str, Any]) -> None:
    """Write the tables into docs/how-to/edge-export.md, between the marks."""
    mark = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    _PAGE.write_text(mark.sub(lambda _: f"{_BEGIN}\n{_tables(measured['models'])}\n{_END}", _PAGE.read_text()))


def _tables(models: Mapping[str, Any]) -> str:
    """Return differences, times and sizes as Markdown tables with a column for each candidate."""
    results, trees = list(models.values()), models["gradient_boosting"]
    paths = dict.fromkeys(path for result in results for path in result["apart"])
    headers = [f"{name} ({result['rows']:,} rows)" for name, result in models.items()]
    differences = [[path, *(_exact(result["apart"].get(path)) for result in results)] for path in paths]
    speed = [
        [path, *(_times(result["microseconds_a_row"][path]) for result in results)]
        for path in trees["microseconds_a_row"]
    ]
    sizes = [[kind, *(f"{result['bytes'][kind] / 1e3:,.0f}" for result in results)] for kind in trees["bytes"]]
    single = trees["with_singles"]
    return "\n\n".join(
        [
            _table(["largest difference from the batch", *headers], differences),
            f"The same graph with the trees in single precision: off by up to {single['largest']:.3f}, "
            f"by more than 1e-4 in {single['rows_off_by_1e-4']} of {trees['rows']} rows.",
            _table([f"µs per row: one at a time / {_MANY:,} at once", *models], speed),
            _table(["kB", *models], sizes),
        ]
    )


def _times(measured: Mapping[str, float]) -> str:
    return f"{measured['one']:,.0f} / {measured['many']:,.1f}"


def _exact(value: float | None) -> str:
    return "–" if value is None else "0" if value == 0 else f"{value:.1e}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
