"""A package served by BentoML gives the scores of the package, and refuses rows as the model server does."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pandas as pd
import pytest

from bench import score_paths
from include.settings import load_settings
from include.steps.train import export
from include.steps.train.export import ExportFormat
from tests import bento, edge

pytestmark = pytest.mark.servers
KINDS = ("trees", "network of a number")
THRESHOLDS = 200


@pytest.fixture(scope="module")
def projects(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The exported service of each kind of model."""
    folder = tmp_path_factory.mktemp("bento")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", str(shutil.copytree(prepared_home, folder / "home")))
        load_settings.cache_clear()
        digests = {kind: edge.stored(edge.package(edge.model(kind)), load_settings()) for kind in KINDS}
        exported = {kind: export.export(digest, ExportFormat.BENTO, folder) for kind, digest in digests.items()}
    load_settings.cache_clear()
    return exported


@pytest.fixture(scope="module")
def client(projects: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with bento.serving(projects["trees"], tmp_path_factory.mktemp("store")) as client:
        yield client


def assert_same_scores(kind: str, client: httpx.Client) -> None:
    """Compare all rows in one request with the batch, and each row in a request of its own with the single row."""
    model = edge.model(kind)
    rows = score_paths.hard_rows(model, edge.KNOWN, THRESHOLDS)
    batch = model.predict(pd.DataFrame(rows, columns=list(model.encoder.names))).tolist()
    assert client.post("/score", json={"rows": rows}).json() == batch
    alone = [client.post("/score", json={"rows": [row]}).json() for row in rows]
    assert alone == [[model.predict_row(dict(row))] for row in rows]


def test_a_service_gives_the_scores_of_the_package(client: httpx.Client) -> None:
    assert_same_scores("trees", client)


def test_a_service_gives_the_scores_of_a_regression(projects: dict[str, Path], tmp_path: Path) -> None:
    with bento.serving(projects["network of a number"], tmp_path) as client:
        assert_same_scores("network of a number", client)


@pytest.mark.parametrize(
    ("row", "reported"),
    [
        pytest.param('{"hour": 1}', "expected a value for each of the 2 features, lacking: 'zone'", id="a lacking feature"),
        pytest.param('{"hour": 1, "zone": "a", "x": 1}', "got 'x': leave it out", id="an unknown column"),
        pytest.param('{"hour": "x", "zone": "a"}', "hour: expected a number or null, got 'x'", id="a wrong type"),
        pytest.param('{"hour": NaN, "zone": "a"}', "hour: expected a finite number or null, got nan", id="NaN"),
        pytest.param('{"hour": 1e999, "zone": "a"}', "hour: expected a finite number or null, got inf", id="infinity"),
        pytest.param('{"hour": 9007199254740993, "zone": "a"}', "a whole number that a 64-bit float stores", id="a number that a float rounds"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_scored_gets_the_sentence_of_the_scorer(
    row: str, reported: str, client: httpx.Client
) -> None:
    reply = client.post("/score", content=f'{{"rows": [{row}]}}', headers={"content-type": "application/json"})
    assert reply.status_code == 422
    (failure,) = reply.json()
    assert reported in failure["error"]


def test_a_damaged_service_ends_with_the_reason(projects: dict[str, Path], tmp_path: Path) -> None:
    damaged = shutil.copytree(projects["trees"], tmp_path / "damaged")
    learner = damaged / "ratchet_taxi" / "package" / "learner.txt"
    learner.write_bytes(learner.read_bytes().replace(b"leaf_value=", b"leaf_value=9", 1))
    with pytest.raises(AssertionError, match=r"learner\.txt: expected SHA-256"):
        bento.run(damaged, tmp_path / "store", "serve")


def test_a_service_is_built_as_a_bento_with_pinned_requirements(projects: dict[str, Path], tmp_path: Path) -> None:
    bento.run(projects["trees"], tmp_path, "build", "--version", "v1")
    built = tmp_path / "bentos" / "ratchet_taxi" / "v1"
    source = {str(path.relative_to(built / "src")) for path in (built / "src").rglob("*") if path.is_file()}
    exported = {str(path.relative_to(projects["trees"])) for path in projects["trees"].rglob("*") if path.is_file()}
    assert source == {path for path in exported if "__pycache__" not in path}
    assert "--hash=sha256:" in (built / "env" / "python" / "requirements.txt").read_text()
