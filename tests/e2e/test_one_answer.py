"""One package, every way to ask it, one answer: on rows that lie exactly on the thresholds of its trees, and odder ones."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from bench import score_paths, servers
from include import ports
from include.settings import Settings, load_settings
from include.steps.train import export
from include.steps.train.export import ExportFormat
from include.stores import packages, registry
from ml.packaging.export import onnx_graph
from ml.scoring.request_schema import RequestSchema
from tests import edge, served
from tests.served import Server

EXACT, NEARLY = 0.0, 4 * np.finfo(np.float64).eps  # of an answer; sums of products are added in other orders
THRESHOLDS = 60
EACH = pytest.mark.parametrize("kind", edge.KINDS)


@pytest.fixture(scope="module")
def shared(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Path]]:
    """A home for the packages of all kinds, and a folder in which Python finds NumPy alone."""
    home = tmp_path_factory.mktemp("shared") / "home"
    shutil.copytree(prepared_home, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", str(home))
        load_settings.cache_clear()
        yield load_settings(), score_paths.link_numpy(tmp_path_factory.mktemp("numpy"))
    load_settings.cache_clear()


@pytest.fixture(scope="module")
def server(shared: tuple[Settings, Path]) -> Iterator[Server]:
    settings, _ = shared
    served.routed(settings, edge.stored(edge.package(edge.model("trees")), settings))
    served.shelved(settings)
    with served.running(settings) as running:
        yield running


def allowed(kind: str, way: str, expected: np.ndarray) -> np.ndarray:
    """Return how far an answer may lie from the batch's: not at all, but where other libraries add, or raise e to a power."""
    exact = kind.startswith("trees") and not (way == "ONNX Runtime" and kind == "trees")
    return (EXACT if exact else NEARLY) * np.maximum(np.abs(expected), 1)


def assert_agree(kind: str, answers: dict[str, list[float]]) -> None:
    expected = np.array(answers[score_paths.BATCH])
    for way, result in answers.items():
        assert (np.abs(np.array(result) - expected) <= allowed(kind, way, expected)).all(), way


@EACH
def test_without_a_server_a_row_gets_the_answer_of_the_batch(
    kind: str, shared: tuple[Settings, Path], tmp_path: Path
) -> None:
    (settings, alone), model = shared, edge.model(kind)
    digest = edge.stored(edge.package(model), settings)
    wheel, onnx = (export.export(digest, form, tmp_path) for form in (ExportFormat.WHEEL, ExportFormat.ONNX))
    rows = score_paths.hard_rows(model, edge.KNOWN, THRESHOLDS)
    assert_agree(kind, score_paths.offline(model, rows, wheel, onnx, alone))


@pytest.mark.servers
@EACH
def test_a_server_gives_a_row_the_answer_of_the_batch_by_every_protocol(
    kind: str, shared: tuple[Settings, Path], server: Server
) -> None:
    (settings, _), model = shared, edge.model(kind)
    address, taken, rows = (
        str(server.client.base_url),
        RequestSchema.from_encoder(model.encoder),
        score_paths.hard_rows(model, edge.KNOWN, THRESHOLDS),
    )
    digest = edge.stored(edge.package(model), settings)
    served.routed(settings, digest, seq=2 + list(edge.KINDS).index(kind))
    server.wait_for(digest)
    batch = model.predict(pd.DataFrame(rows, columns=list(taken.names))).tolist()
    assert_agree(kind, {score_paths.BATCH: batch} | dict(score_paths.by_server(address, served.USE_CASE, taken, rows)))
    singles = score_paths.singles(rows)
    rounded = model.predict(pd.DataFrame(singles, columns=list(taken.names))).tolist()
    assert_agree(
        kind,
        {score_paths.BATCH: rounded, "FP32": score_paths.by_single_floats(address, served.USE_CASE, taken, singles)},
    )


@pytest.mark.servers
def test_mlflow_gives_a_row_the_answer_of_the_batch(shared: tuple[Settings, Path], server: Server) -> None:
    (settings, _), model = shared, edge.model("trees")
    packed = edge.package(model)
    digest = edge.stored(packed, settings)
    served.routed(settings, digest, seq=100)
    server.wait_for(digest)
    files = packages.get(settings.packages, digest, settings.trusted_keys)
    version = registry.register(
        settings, served.USE_CASE, digest, files, edge.FRAME.head().astype({"zone": "category"})
    )
    rows, port = score_paths.hard_rows(model, edge.KNOWN, THRESHOLDS), ports.free_port("127.0.0.1")
    with servers.mlflow(port, served.USE_CASE, version, settings):
        result = score_paths.by_mlflow(f"http://127.0.0.1:{port}", rows)
        body = {"dataframe_records": rows[:9], "params": {"explain": 1}}
        explained = httpx.post(f"http://127.0.0.1:{port}/invocations", json=body, timeout=60, trust_env=False).json()
        ours = httpx.post(f"{server.client.base_url}/invocations", json=body, timeout=60, trust_env=False).json()
    assert_agree("trees", {score_paths.BATCH: model.predict(pd.DataFrame(rows)).tolist(), "MLflow": result})
    assert explained == ours


def test_numbers_of_single_precision_may_fall_on_the_other_side_of_a_threshold() -> None:
    """Why the graph's numbers are doubles, and FP32 tensors are for models without trees."""
    model = edge.model("trees")
    rows = score_paths.hard_rows(model, edge.KNOWN, THRESHOLDS)
    taken = RequestSchema.from_encoder(model.encoder)
    kept = [row for row in rows if row["hour"] is None or abs(row["hour"]) < 1e30]
    expected, result = (
        model.predict(pd.DataFrame(each, columns=list(taken.names))) for each in (kept, score_paths.singles(kept))
    )
    assert np.abs(result - expected).max() > 0.01
    assert onnx_graph.to_inputs(taken, rows)["hour"].dtype == np.float64
