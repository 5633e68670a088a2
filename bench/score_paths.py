"""Score the same rows by every path: batch, single row, wheel, ONNX, MLflow, and the server's protocols.

The rows are chosen to reveal differences: numbers on and next to the thresholds of trees, missing values, unseen
levels, and extreme numbers.
"""

import csv
import io
import json
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import tritonclient.http as triton

from ml.packaging.export import onnx_graph
from ml.promotion import acceptance_tests
from ml.scoring import numpy_trees
from ml.scoring.request_schema import RequestSchema, Row
from ml.training.fitting import Model

BATCH, SINGLE_FLOATS = "batch", "v2, FP32 tensors"
_FEW = 16  # rows per request that the server scores one by one
_WHEEL_PROGRAM = """
import importlib, json, sys
sys.path[:0] = sys.argv[1:3]
model = importlib.import_module(sys.argv[3]).load()
scores = model.score(json.load(sys.stdin))
print(json.dumps({"scores": scores, "imported": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


def hard_rows(model: Model, known: Sequence[Row], thresholds: int) -> list[dict[str, object]]:
    """Return the `known` rows, adversarial rows, and rows on and next to about `thresholds` thresholds of the trees."""
    adversarial = [_to_request(row) for row in acceptance_tests.adversarial_rows(model.encoder, known[0]).values()]
    rows = [*map(_to_request, known), *(row for row in adversarial if all(map(_is_finite, row.values())))]
    for index, (name, threshold) in enumerate(_thresholds(model, thresholds)):
        neighbours = (np.nextafter(threshold, limit) for limit in (-np.inf, np.inf))
        rows += [_to_request(known[index % len(known)]) | {name: float(value)} for value in (threshold, *neighbours)]
    return rows


def offline(model: Model, rows: Sequence[Row], wheel: Path, onnx: Path, numpy_folder: Path) -> dict[str, list[float]]:
    """Return the scores without a server: as a frame, row by row, by the wheel with only NumPy, and by ONNX Runtime."""
    frame = pd.DataFrame(rows, columns=list(model.encoder.names))
    return {
        BATCH: model.predict(frame).tolist(),
        "one row": [model.predict_row(dict(row)) for row in rows],
        "wheel": by_wheel(wheel, numpy_folder, rows)["scores"],
        "ONNX Runtime": by_onnx(onnx, RequestSchema.from_encoder(model.encoder), rows),
    }


def link_numpy(folder: Path) -> Path:
    """Link the installed NumPy into `folder`, so that Python finds only NumPy there, and return the folder."""
    for name in ("numpy", "numpy.libs"):
        installed = Path(np.__file__).parents[1] / name
        if installed.exists():
            (folder / name).symlink_to(installed)
    return folder


def by_wheel(wheel: Path, numpy_folder: Path, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the wheel's scores and the imported packages, in a process that has only the wheel and `numpy_folder`."""
    arguments = [str(wheel), str(numpy_folder), wheel.name.partition("-")[0]]
    command = [sys.executable, "-I", "-S", "-c", _WHEEL_PROGRAM, *arguments]
    done = subprocess.run(command, input=json.dumps(rows), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def session(onnx: Path) -> Any:
    """Return a session of ONNX Runtime for a graph, with one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def by_onnx(onnx: Path, schema: RequestSchema, rows: Sequence[Row]) -> list[float]:
    """Return the scores of ONNX Runtime."""
    scores: list[float] = session(onnx).run([onnx_graph.SCORE], onnx_graph.to_inputs(schema, rows))[0][:, 0].tolist()
    return scores


def by_mlflow(address: str, rows: Sequence[Row]) -> list[float]:
    """Return the scores of MLflow's scoring server."""
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        return _predicted(client, "/invocations", _split(rows))


def by_server(
    address: str, use_case: str, schema: RequestSchema, rows: Sequence[Row]
) -> Iterator[tuple[str, list[float]]]:
    """Yield the name of each protocol and form of the model server, with its scores."""
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield "REST /score", _scored(client, rows)
        few = (rows[start : start + _FEW] for start in range(0, len(rows), _FEW))
        yield "REST /score, few at a time", [score for each in few for score in _scored(client, each)]
        columns = {name: [row[name] for row in rows] for name in schema.names}
        forms: dict[str, tuple[str, Any]] = {
            "MLflow dataframe_split": ("/invocations", _split(rows)),
            "MLflow dataframe_records": ("/invocations", {"dataframe_records": rows}),
            "MLflow inputs": ("/invocations", {"inputs": columns}),
            "MLflow instances": ("/invocations", {"instances": rows}),
            "Vertex AI instances": ("/predict", {"instances": [list(row.values()) for row in rows]}),
        }
        for name, (path, body) in forms.items():
            yield name, _predicted(client, path, body)
        table = {"content-type": "text/csv", "accept": "text/csv"}
        reply = client.post("/invocations", content=_csv(schema, rows), headers=table).raise_for_status()
        yield "SageMaker CSV", [float(line) for line in reply.text.splitlines()]
        yield "v2 JSON", _v2_json(client, use_case, schema, rows)
    yield "v2, FP64 tensors", _v2_bytes(address, use_case, schema, rows, np.dtype(np.float64))


def by_single_floats(address: str, use_case: str, schema: RequestSchema, rows: Sequence[Row]) -> list[float]:
    """Return the model server's scores for numbers sent in single precision."""
    return _v2_bytes(address, use_case, schema, rows, np.dtype(np.float32))


def singles(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Return the rows with numbers rounded to single precision, without rows whose numbers overflow it."""
    with np.errstate(over="ignore"):
        rounded = [
            {name: float(np.float32(value)) if isinstance(value, float) else value for name, value in row.items()}
            for row in rows
        ]
    return [row for row in rounded if all(map(_is_finite, row.values()))]


def tensors(**columns: tuple[str, Any]) -> list[triton.InferInput]:
    """Return columns, each given as (v2 datatype, array), as binary tensors."""
    inputs = []
    for name, (kind, cells) in columns.items():
        inputs.append(triton.InferInput(name, [len(cells)], kind))
        inputs[-1].set_data_from_numpy(cells)
    return inputs


def largest_differences(scores: Mapping[str, Sequence[float]], reference: str = BATCH) -> dict[str, float]:
    """Return, for each path, the largest absolute difference of its scores from those of the `reference` path."""
    expected = np.array(scores[reference])
    return {
        name: float(np.abs(np.array(actual) - expected).max()) for name, actual in scores.items() if name != reference
    }


def _thresholds(model: Model, limit: int) -> list[tuple[str, float]]:
    """Return about `limit` pairs of feature and threshold, evenly spread over all of the trees; none without trees."""
    if model.learner.kind != "trees":
        return []
    names = [name for name, columns in model.encoder.columns.items() for _ in columns]
    splits = numpy_trees.parse(model.learner.dump()).splits
    thresholds = sorted({(names[each.feature], each.threshold) for each in splits if each.levels is None})
    return thresholds[:: max(1, len(thresholds) // limit)]


def _to_request(row: Row) -> dict[str, object]:
    """Return a row as clients send it, with None for missing values."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}


def _is_finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _split(rows: Sequence[Row]) -> dict[str, object]:
    return {"dataframe_split": {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}}


def _scored(client: httpx.Client, rows: Sequence[Row]) -> list[float]:
    body = client.post("/score", json={"rows": rows}).raise_for_status().json()
    return [each["score"] for each in body["answers"]]


def _predicted(client: httpx.Client, path: str, body: object) -> list[float]:
    reply = client.post(path, json=body)
    assert reply.status_code == 200, reply.text
    predictions: list[float] = reply.json()["predictions"]
    return predictions


def _csv(schema: RequestSchema, rows: Sequence[Row]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, schema.names)
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def _v2_json(client: httpx.Client, use_case: str, schema: RequestSchema, rows: Sequence[Row]) -> list[float]:
    inputs = [
        {
            "name": name,
            "shape": [len(rows)],
            "datatype": "BYTES" if is_text else "FP64",
            "data": [row[name] for row in rows],
        }
        for name, is_text in schema.is_text.items()
    ]
    body = client.post(f"/v2/models/{use_case}/infer", json={"inputs": inputs}).raise_for_status().json()
    scores: list[float] = body["outputs"][0]["data"]
    return scores


def _v2_bytes(
    address: str, use_case: str, schema: RequestSchema, rows: Sequence[Row], dtype: "np.dtype[Any]"
) -> list[float]:
    """Return the scores of binary tensors with numbers of `dtype`; a missing text is sent as an unseen level."""
    numbers = {np.dtype(np.float64): "FP64", np.dtype(np.float32): "FP32"}
    columns = {
        name: (numbers[dtype], column[:, 0].astype(dtype)) if column.dtype.kind == "f" else ("BYTES", column[:, 0])
        for name, column in onnx_graph.to_inputs(schema, rows).items()
    }
    client = triton.InferenceServerClient(address.removeprefix("http://"))
    try:
        scores: list[float] = client.infer(use_case, tensors(**columns)).as_numpy("score").tolist()
        return scores
    finally:
        client.close()
