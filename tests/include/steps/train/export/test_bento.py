"""An exported service has everything that BentoML needs, and imports nothing of ours but the module beside it."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from include.settings import PROJECT, Settings
from include.steps.train import export
from include.steps.train.export import ExportFormat
from include.stores import packages
from tests import edge


@pytest.fixture
def digest(home: Settings) -> str:
    return edge.stored(edge.package(edge.model("trees")), home)


@pytest.fixture
def project(digest: str, tmp_path: Path) -> Path:
    return export.export(digest, ExportFormat.BENTO, tmp_path / "out")


def test_the_folder_is_named_by_the_use_case_and_the_package(project: Path, digest: str) -> None:
    assert project.name == f"taxi-{digest[:12]}-bento"
    assert [path.name for path in sorted(project.iterdir())] == [
        "README.md",
        "bentofile.yaml",
        "ratchet_taxi",
        "requirements.txt",
        "service.py",
    ]


def test_the_service_imports_bentoml_and_the_module_with_the_package(project: Path) -> None:
    tree = ast.parse((project / "service.py").read_text())
    imported = {each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    imported |= {name.name for each in ast.walk(tree) if isinstance(each, ast.Import) for name in each.names}
    assert imported == {"http", "typing", "bentoml", "bentoml.exceptions", "ratchet_taxi"}


def test_the_build_options_name_the_service_and_label_it_with_the_package(project: Path, digest: str) -> None:
    options = yaml.safe_load((project / "bentofile.yaml").read_text())
    assert options["service"] == "service:Model"
    assert options["labels"] == {"use_case": "taxi", "night": "2013-01-12", "package": digest}
    assert all((project / name).exists() for name in options["include"])


def test_the_folder_has_the_signed_bytes_of_the_package(project: Path, digest: str, home: Settings) -> None:
    assert packages.read(project / "ratchet_taxi" / "package", digest, home.trusted_keys)


def test_numpy_is_pinned_to_the_release_that_scores_here() -> None:
    """Another release of NumPy may round `exp` in another way, and so change the last bit of a score."""
    pins = [
        re.findall(r"^numpy==\S+", (PROJECT / name).read_text(), re.MULTILINE)
        for name in ("requirements.txt", "requirements-bento.txt")
    ]
    assert pins[0] == pins[1] != []
