"""The same rows by every way that leads to an answer, and how far the answers lie apart.

What is asked is made to be hard: numbers exactly on the thresholds of trees and next to them, values that are missing,
levels that no training saw, numbers far beyond any other.
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

from ml.packaging.export import numpy_trees, onnx_graph
from ml.promotion import acceptance_tests
from ml.scoring.request_schema import RequestSchema, Row
from ml.training.fitting import Model

BATCH, SINGLE_FLOATS = "batch", "v2, FP32 tensors"
_FEW = 16  # rows at a time, which the server answers one by one
_ALONE = """
import importlib, json, sys
sys.path[:0] = sys.argv[1:3]
model = importlib.import_module(sys.argv[3]).load()
scores = model.score(json.load(sys.stdin))
print(json.dumps({"scores": scores, "imported": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


def hard_rows(model: Model, known: Sequence[Row], thresholds: int) -> list[dict[str, object]]:
    """Return the `known` rows, odd ones, and rows on and beside as many thresholds of the model's trees (if it has any)."""
    odd = [_asked(row) for row in acceptance_tests.adversarial_rows(model.encoder, known[0]).values()]
    rows = [*map(_asked, known), *(row for row in odd if all(map(_is_finite, row.values())))]
    for place, (name, threshold) in enumerate(_thresholds(model, thresholds)):
        beside = (np.nextafter(threshold, way) for way in (-np.inf, np.inf))
        rows += [_asked(known[place % len(known)]) | {name: float(value)} for value in (threshold, *beside)]
    return rows


def offline(model: Model, rows: Sequence[Row], wheel: Path, onnx: Path, alone: Path) -> dict[str, list[float]]:
    """Return the answers without a server: in a frame, alone, by the wheel where `alone` has NumPy, and by ONNX Runtime."""
    frame = pd.DataFrame(rows, columns=list(model.encoder.names))
    return {
        BATCH: model.predict(frame).tolist(),
        "one row": [model.predict_row(dict(row)) for row in rows],
        "wheel": by_wheel(wheel, alone, rows)["scores"],
        "ONNX Runtime": by_onnx(onnx, RequestSchema.from_encoder(model.encoder), rows),
    }


def numpy_alone(folder: Path) -> Path:
    """Let `folder` be one in which Python finds NumPy and nothing else, and return it."""
    for name in ("numpy", "numpy.libs"):
        installed = Path(np.__file__).parents[1] / name
        if installed.exists():
            (folder / name).symlink_to(installed)
    return folder


def by_wheel(wheel: Path, alone: Path, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the scores that a wheel gives in a process that has it and what is in `alone`, and what that has imported."""
    command = [sys.executable, "-I", "-S", "-c", _ALONE, str(wheel), str(alone), wheel.name.partition("-")[0]]
    done = subprocess.run(command, input=json.dumps(rows), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def session(onnx: Path) -> Any:
    """Return ONNX Runtime with a graph, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def by_onnx(onnx: Path, taken: RequestSchema, rows: Sequence[Row]) -> list[float]:
    """Return the scores that ONNX Runtime gives."""
    scores: list[float] = session(onnx).run([onnx_graph.SCORE], onnx_graph.to_inputs(taken, rows))[0][:, 0].tolist()
    return scores


def by_mlflow(address: str, rows: Sequence[Row]) -> list[float]:
    """Return the scores that MLflow's own scoring server gives."""
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        return _predicted(client, "/invocations", _split(rows))


def by_server(
    address: str, use_case: str, taken: RequestSchema, rows: Sequence[Row]
) -> Iterator[tuple[str, list[float]]]:
    """Yield the scores that the model server gives, by each protocol and form."""
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield "REST /score", _scored(client, rows)
        few = (rows[at : at + _FEW] for at in range(0, len(rows), _FEW))
        yield "REST /score, few at a time", [score for each in few for score in _scored(client, each)]
        columns = {name: [row[name] for row in rows] for name in taken.names}
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
        replied = client.post("/invocations", content=_table(taken, rows), headers=table).raise_for_status()
        yield "SageMaker CSV", [float(line) for line in replied.text.splitlines()]
        yield "v2 JSON", _v2_json(client, use_case, taken, rows)
    yield "v2, FP64 tensors", _v2_bytes(address, use_case, taken, rows, np.dtype(np.float64))


def by_single_floats(address: str, use_case: str, taken: RequestSchema, rows: Sequence[Row]) -> list[float]:
    """Return the scores that the model server gives to numbers sent in single precision."""
    return _v2_bytes(address, use_case, taken, rows, np.dtype(np.float32))


def singles(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Return the rows with each number as single precision has it, without those that have one too large for it."""
    with np.errstate(over="ignore"):
        rounded = [
            {name: float(np.float32(value)) if isinstance(value, float) else value for name, value in row.items()}
            for row in rows
        ]
    return [row for row in rounded if all(map(_is_finite, row.values()))]


def tensors(**columns: tuple[str, Any]) -> list[triton.InferInput]:
    """Return columns, each a v2 datatype and an array, as tensors of bytes."""
    inputs = []
    for name, (kind, cells) in columns.items():
        inputs.append(triton.InferInput(name, [len(cells)], kind))
        inputs[-1].set_data_from_numpy(cells)
    return inputs


def apart(answers: Mapping[str, Sequence[float]], of: str = BATCH) -> dict[str, float]:
    """Return by how much, at most, each way's answers differ from those of one."""
    expected = np.array(answers[of])
    return {name: float(np.abs(np.array(found) - expected).max()) for name, found in answers.items() if name != of}


def _thresholds(model: Model, most: int) -> list[tuple[str, float]]:
    """Return features and thresholds of the trees, spread over all that there are."""
    if model.learner.kind != "trees":
        return []
    names = [name for name, columns in model.encoder.columns.items() for _ in columns]
    splits = numpy_trees.parse(model.learner.dump()).splits
    found = sorted({(names[each.feature], each.threshold) for each in splits if each.levels is None})
    return found[:: max(1, len(found) // most)]


def _asked(row: Row) -> dict[str, object]:
    """Return a row as clients write it, in which what is missing is None."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}


def _is_finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _split(rows: Sequence[Row]) -> dict[str, object]:
    return {"dataframe_split": {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}}


def _scored(client: httpx.Client, rows: Sequence[Row]) -> list[float]:
    told = client.post("/score", json={"rows": rows}).raise_for_status().json()
    return [each["score"] for each in told["answers"]]


def _predicted(client: httpx.Client, path: str, body: object) -> list[float]:
    replied = client.post(path, json=body)
    assert replied.status_code == 200, replied.text
    predictions: list[float] = replied.json()["predictions"]
    return predictions


def _table(taken: RequestSchema, rows: Sequence[Row]) -> str:
    written = io.StringIO()
    table = csv.DictWriter(written, taken.names)
    table.writeheader()
    table.writerows(rows)
    return written.getvalue()


def _v2_json(client: httpx.Client, use_case: str, taken: RequestSchema, rows: Sequence[Row]) -> list[float]:
    inputs = [
        {
            "name": name,
            "shape": [len(rows)],
            "datatype": "BYTES" if words else "FP64",
            "data": [row[name] for row in rows],
        }
        for name, words in taken.is_text.items()
    ]
    told = client.post(f"/v2/models/{use_case}/infer", json={"inputs": inputs}).raise_for_status().json()
    scores: list[float] = told["outputs"][0]["data"]
    return scores


def _v2_bytes(
    address: str, use_case: str, taken: RequestSchema, rows: Sequence[Row], kept: "np.dtype[Any]"
) -> list[float]:
    """Return the scores of binary tensors, in which a text that is missing is one that no training saw."""
    numbers = {np.dtype(np.float64): "FP64", np.dtype(np.float32): "FP32"}
    columns = {
        name: (numbers[kept], column[:, 0].astype(kept)) if column.dtype.kind == "f" else ("BYTES", column[:, 0])
        for name, column in onnx_graph.to_inputs(taken, rows).items()
    }
    client = triton.InferenceServerClient(address.removeprefix("http://"))
    try:
        scores: list[float] = client.infer(use_case, tensors(**columns)).as_numpy("score").tolist()
        return scores
    finally:
        client.close()
