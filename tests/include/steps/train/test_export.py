"""A package goes out signed, proven and reproducible, and is scored where nothing of ours is installed."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from bench import score_paths
from include.cli import main
from include.settings import PROJECT, Settings, load_settings
from include.steps.train import export
from include.steps.train.export import ExportFormat
from include.stores import ledger, packages, warehouse
from ml.errors import PackageError, RequestError
from ml.governance.ledger_entries import EntryKind
from ml.packaging import package_files
from ml.scoring import manifest
from ml.training import fitting
from ml.usecase import Text
from ml.usecase.periods import parse
from tests import edge, recorded, served
from tests.ml.answers import YES_OR_NO

ROWS = [{"hour": 13.0, "zone": "docks"}, {"hour": None, "zone": "never seen"}]


@pytest.fixture
def digest(home: Settings) -> str:
    return edge.stored(edge.package(edge.model("trees")), home)


@pytest.fixture(scope="module")
def installed(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel was installed, with NumPy and nothing else beside it; nobody may write there."""
    folder = tmp_path_factory.mktemp("wheel")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", str(shutil.copytree(prepared_home, folder / "home")))
        load_settings.cache_clear()
        digest = edge.stored(edge.package(edge.model("trees")), load_settings())
        wheel, target = export.export(digest, ExportFormat.WHEEL, folder), folder / "installed"
    load_settings.cache_clear()
    words = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", *words, str(wheel)], check=True, capture_output=True)
    return score_paths.link_numpy(target)


def contents(exported: Path) -> dict[str, bytes]:
    """Return the bytes of a file, or of each file in a folder."""
    paths = [exported, *sorted(exported.rglob("*"))]
    return {str(path.relative_to(exported)): path.read_bytes() for path in paths if path.is_file()}


def run(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the interpreter with what is installed there alone."""
    prefix = f"import sys, runpy; sys.path.insert(0, {str(installed)!r}); "
    code = f"sys.argv = {['rows', *words]!r}; runpy.run_module('ratchet_taxi', run_name='__main__')"
    command = [sys.executable, "-I", "-S", "-c", prefix + code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("form", ExportFormat)
def test_the_same_package_becomes_the_same_bytes(form: ExportFormat, digest: str, tmp_path: Path) -> None:
    one, other = (export.export(digest, form, tmp_path / each) for each in ("one", "other"))
    assert one.name == other.name
    assert contents(one) == contents(other)
    assert contents(export.export(digest, form, tmp_path / "one")) == contents(other), "over the first export"


def test_a_wheel_imports_numpy_and_nothing_of_ours(digest: str, tmp_path: Path) -> None:
    (alone := tmp_path / "alone").mkdir()
    reported = score_paths.by_wheel(
        export.export(digest, ExportFormat.WHEEL, tmp_path), score_paths.link_numpy(alone), ROWS
    )
    assert "numpy" in reported["imported"]
    assert not {"lightgbm", "pandas", "sklearn", "scipy", "ml", "include"} & set(reported["imported"])


def test_a_wheel_has_the_scoring_package_whole_and_unchanged_but_for_the_names_of_imports(
    digest: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(export.export(digest, ExportFormat.WHEEL, tmp_path)) as wheel:
        prefix = "ratchet_taxi/_ml/"
        shipped = {
            name.removeprefix(prefix): wheel.read(name).decode() for name in wheel.namelist() if name.startswith(prefix)
        }
    scoring = {f"scoring/{path.name}" for path in (PROJECT / "ml" / "scoring").glob("*.py")}
    assert shipped.keys() == {"__init__.py", "arrays.py", "errors.py", *scoring}
    for name, text in shipped.items():
        assert text.replace("from ratchet_taxi._ml", "from ml") == (PROJECT / "ml" / name).read_text()


def test_a_wheel_has_the_signed_bytes_of_the_package(digest: str, home: Settings, installed: Path) -> None:
    assert packages.read(installed / "ratchet_taxi" / "package", digest, home.trusted_keys)
    assert (installed / "ratchet_taxi" / "py.typed").exists()


def test_a_model_with_texts_is_scored_without_scikit_learn(home: Settings, tmp_path: Path) -> None:
    notes = edge.FRAME.assign(note=["fog", "snöw at the gate", None, "crew"] * (edge.COUNT // 4))
    texts = (Text("note", components=2, buckets=128),)
    gathered = fitting.prepare(
        notes, edge.LATE, edge.NIGHTS, tuple(notes), target=YES_OR_NO, seed=1, threads=1, texts=texts
    )
    model = fitting.fit(edge.TREES, gathered).model
    digest = edge.stored(package_files.pack(model, notes, served.FACTS), home)
    (alone := tmp_path / "alone").mkdir()
    rows = [row | {"note": note} for row in ROWS for note in ("fog", "never seen", None)]
    reported = score_paths.by_wheel(
        export.export(digest, ExportFormat.WHEEL, tmp_path), score_paths.link_numpy(alone), rows
    )
    assert reported["scores"] == pytest.approx(model.predict(pd.DataFrame(rows)).tolist(), abs=1e-15)
    assert "sklearn" not in reported["imported"]


@pytest.mark.parametrize(
    ("name", "content", "reported"),
    [
        pytest.param("rows.csv", "hour,zone\n13,docks\n,never seen\n", "{0!r}\n{1!r}\n", id="CSV"),
        pytest.param("rows.json", json.dumps(ROWS), '{{"predictions": [{0!r}, {1!r}]}}\n', id="JSON"),
    ],
)
def test_rows_of_a_file_are_scored_from_the_command_line(
    name: str, content: str, reported: str, installed: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    done = run(installed, str(tmp_path / name))
    scores = [edge.model("trees").predict_row(dict(row)) for row in ROWS]
    assert (done.returncode, done.stdout, done.stderr) == (0, reported.format(*scores), "")


@pytest.mark.parametrize(
    ("name", "content", "reported"),
    [
        pytest.param("rows.json", '[{"hour": NaN, "zone": "a"}]', "expected JSON, but: NaN is not JSON", id="NaN"),
        pytest.param("rows.json", '{"hour": 1}', "expected a list of objects", id="no list"),
        pytest.param("rows.json", '[{"hour": "x", "zone": "a"}]', "hour: expected a number or null, got 'x'", id="a wrong type"),
        pytest.param("rows.csv", "hour,zone\nlate,a\n", "hour: expected a number or nothing, got 'late'", id="words in a CSV"),
        pytest.param("rows.csv", "1\n", "row 0: expected 2 cells", id="a short line"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_ends_with_a_sentence(
    name: str, content: str, reported: str, installed: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    done = run(installed, str(tmp_path / name))
    assert (done.returncode, done.stdout) == (1, "")
    assert reported in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_installation_does_not_answer(installed: Path, tmp_path: Path) -> None:
    installed = shutil.copytree(installed, tmp_path / "damaged", symlinks=True)
    trees = installed / "ratchet_taxi" / "package" / "learner.txt"
    trees.write_bytes(trees.read_bytes().replace(b"leaf_value=", b"leaf_value=9", 1))
    (tmp_path / "rows.json").write_text("[]")
    done = run(installed, str(tmp_path / "rows.json"))
    assert done.returncode == 1
    assert "learner.txt: expected SHA-256" in done.stderr


def test_a_package_that_nobody_trusted_signed_does_not_go_out(home: Settings, tmp_path: Path) -> None:
    digest = edge.stored(edge.package(edge.model("logistic")), home)
    for key in home.trusted_keys.glob("*.pem"):
        key.unlink()
    with pytest.raises(PackageError, match="trusts no key"):
        export.export(digest, ExportFormat.WHEEL, tmp_path)
    assert not list(tmp_path.glob("*.whl"))


def test_a_use_case_is_its_champion(digest: str, home: Settings, toys: None, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="expected taxi to have a champion, but it has had none"):
        export.export("taxi", ExportFormat.ONNX, tmp_path)
    night = parse("2013-01-12").last
    ledger.append(
        warehouse.engine(home.warehouse_url),
        kind=EntryKind.PROMOTED,
        use_case="taxi",
        night=night,
        subject=digest,
        payload=recorded.PROMOTED,
        key="k",
    )
    assert export.export("taxi", ExportFormat.ONNX, tmp_path).name == f"taxi-{digest[:12]}.onnx"


@pytest.mark.parametrize(
    ("named", "reported"),
    [
        pytest.param("nobody", "got 'nobody': 0 of the 1 packages", id="no such name"),
        pytest.param("", "got '': 0 of the 1 packages", id="nothing"),
        pytest.param("{0:.5}", "6 digits or more", id="too short"),
    ],
)
def test_one_package_has_to_be_meant(named: str, reported: str, digest: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=reported):
        export.export(named.format(digest), ExportFormat.WHEEL, tmp_path)


def test_two_packages_of_one_beginning_are_told_apart(digest: str, home: Settings, tmp_path: Path) -> None:
    (home.packages / f"{digest[:10]}{manifest.sha256(b'')}").mkdir()
    with pytest.raises(RequestError, match="2 of the 2 packages"):
        export.export(digest[:10], ExportFormat.WHEEL, tmp_path)


def test_the_command_says_which_file_it_wrote(digest: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main.app, ["export", digest[:8], "--to", "onnx", "--into", str(tmp_path)])
    assert (result.exit_code, result.output) == (0, f"{tmp_path}/taxi-{digest[:12]}.onnx\n")
