"""Project rules that linters do not check."""

import ast
import json
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from include import usecases
from include.settings import PROJECT
from include.usecases import coherence
from ml.usecase import UseCase

GENERIC = ("ml", "include/steps", "include/stores", "include/serving", "include/dashboard", "dags", "plugins")
COMMON = {"origin", "destination", "schedule", "outcomes", "weekday"}
MIRRORED = [
    path.relative_to(PROJECT)
    for ring in ("ml", "include")
    for path in sorted((PROJECT / ring).rglob("*.py"))
    if path.name != "__init__.py" and "migrations" not in path.parts
]
BY_ANOTHER_NAME = {
    "include/steps/adoption/gains.py": "tests/include/steps/adoption/test_record.py",
    **dict.fromkeys(
        (
            "include/cli/standing_approval.py",
            "include/steps/adoption/standing_approval.py",
            "include/steps/adoption/standing_proposal.py",
            "include/steps/release/standing_evidence.py",
            "include/steps/release/standing_request.py",
        ),
        "tests/include/steps/release/test_standing_release.py",
    ),
    "include/cli/queue.py": "tests/include/dashboard/test_shadow_queue.py",
    "include/steps/adoption/queue.py": "tests/include/steps/release/test_shadow_queue.py",
    "include/steps/release/queue_verdict.py": "tests/include/steps/release/test_shadow_queue.py",
    "ml/arrays.py": "only types",
    "ml/errors.py": "only exception classes",
    "ml/targets/display_names.py": "only names",
    "ml/targets/target.py": "only protocols",
    "ml/targets/binary_display.py": "tests/ml/targets/test_binary.py",
    "ml/targets/regression_display.py": "tests/ml/targets/test_regression.py",
    **{f"ml/scoring/{part}.py": "tests/ml/targets/test_calibration.py" for part in ("calibration", "logistic")},
    "ml/scoring/encoder.py": "tests/ml/training/test_encoding.py",
    "ml/scoring/linear.py": "tests/ml/training/learners/test_linear.py",
    "ml/scoring/network.py": "tests/ml/training/learners/test_network.py",
    "ml/scoring/package_reader.py": "tests/ml/packaging/test_package_files.py",
    "include/report/live_day.py": "tests/include/demo/test_live_day.py",
    "include/serving/live_snapshot.py": "tests/include/serving/test_horizons.py",
    "include/ports.py": "tests/include/platform/local/test_setup.py",
    "include/stores/landing/line_index.py": "tests/include/stores/landing/test_csv.py",
    **{
        f"include/stores/landing/{part}.py": "tests/include/stores/landing/test_formats.py"
        for part in ("parquet", "jsonlines", "rows")
    },
    "include/steps/bootstrap.py": "tests/include/platform/local/test_processes.py",
    "include/steps/ingest/reporting.py": "tests/include/steps/ingest/test_ingest.py",
    **{
        f"include/steps/train/{part}.py": "tests/include/steps/train/test_train.py"
        for part in ("candidates", "records")
    },
    **{
        f"include/steps/backtest/{part}.py": "tests/include/steps/backtest/test_backtest.py"
        for part in ("training_key", "trainings")
    },
    **{
        f"ml/retraining/backtest/{part}.py": "tests/ml/retraining/backtest/test_simulation.py"
        for part in ("admission", "context")
    },
    "include/steps/train/plan.py": "tests/include/steps/train/test_side_by_side.py",
    "include/stores/warehouse/files.py": "tests/include/steps/ingest/test_files.py",
    "include/cli/console.py": "tests/include/cli/test_main.py",
    "include/cli/forget.py": "tests/include/steps/test_forget.py",
    "include/cli/prune.py": "tests/include/steps/prune/test_prune.py",
    "include/steps/airflow_database.py": "tests/include/steps/prune/test_installation.py",
    "include/stores/warehouse/retention.py": "tests/include/steps/prune/test_prune.py",
    **{
        f"include/steps/prune/{part}.py": "tests/include/steps/prune/test_prune.py"
        for part in ("file_parts", "needs", "part", "parts", "table_parts", "training_parts", "versions")
    },
    "include/cli/scores.py": "tests/include/steps/score/test_rescore.py",
    "include/cli/card.py": "tests/include/steps/train/test_model_card.py",
    "include/cli/explain.py": "tests/include/steps/score/test_explain.py",
    "include/cli/export.py": "tests/include/steps/train/test_export.py",
    "include/cli/serving.py": "tests/include/steps/release/test_canary.py",
    "include/cli/override.py": "tests/include/steps/release/test_override.py",
    "include/export_runtime/cli.py": "tests/include/steps/train/test_export.py",
    "include/export_runtime/scorer.py": "tests/include/steps/train/test_export.py",
    **{
        f"include/stores/feature_store/{part}.py": "tests/include/stores/feature_store/test_feature_store.py"
        for part in ("offline_store", "registry", "retrieval", "services", "materialization")
    },
    "include/stores/signing/dsse.py": "tests/include/stores/signing/test_model_signing.py",
    "include/serving/subprocesses.py": "tests/include/steps/release/test_acceptance_tests.py",
    **{
        f"include/serving/{part}.py": "tests/include/serving/test_server.py"
        for part in (
            "__main__",
            "app",
            "fast_routes",
            "gateway",
            "handler",
            "metrics",
            "model_pool",
            "openapi",
            "routers",
        )
    },
    **{
        f"include/serving/protocols/{part}.py": "tests/include/serving/protocols/test_protocols.py"
        for part in ("codec", "dataframes", "instances", "native", "tensors")
    },
    "include/steps/justification.py": "tests/include/steps/release/test_override.py",
    "include/steps/train/export/python_module.py": "tests/include/steps/train/test_export.py",
    "include/serving/child_server.py": "tests/include/steps/release/test_canary.py",
    **{
        f"include/steps/{part}.py": "tests/include/steps/release/test_canary.py"
        for part in (
            "release_state",
            "release/challengers",
            "release/evidence",
            "release/drill",
            "release/freeze",
            "release/rollback",
        )
    },
    "include/serving/pyfunc.py": "tests/include/stores/registry/test_registry.py",
    "include/stores/registry/client.py": "tests/include/stores/registry/test_registry.py",
    "include/stores/registry/runs.py": "tests/include/stores/registry/test_registry.py",
    "include/stores/registry/versions.py": "tests/include/stores/registry/test_registry.py",
    "include/stores/registry/replication.py": "tests/include/steps/migrate/test_migrate.py",
    "include/steps/migrate/parts.py": "tests/include/steps/migrate/test_migrate.py",
    "include/stores/warehouse/tables.py": "tests/include/stores/warehouse/test_database.py",
    "include/steps/features/build.py": "tests/include/steps/test_again.py",
    "include/cli/upgrade.py": "tests/include/steps/test_upgrade.py",
    "ml/governance/ledger_entries.py": "tests/include/stores/test_ledger.py",
    "include/platform/compose/init.py": "it needs a whole stack: `make stack-test` runs it",
}

IN_ONE_FILE = {
    str(path.relative_to(PROJECT)): f"tests/include/usecases/test_{path.parent.name}.py"
    for path in (PROJECT / "include/usecases").glob("*/*.py")
} | {
    str(path.relative_to(PROJECT)): "tests/ml/usecase/test_use_case.py"
    for path in (PROJECT / "ml/usecase").glob("*.py")
}


def specific_names(case: UseCase) -> set[str]:
    """Return names that generic code must not contain: the use case, its tables, columns, features and functions."""
    columns = {name for table in case.tables for name in coherence.schema_model(case, table).to_schema().columns}
    tables = {table.name for table in case.tables}
    names = {case.name} | tables | columns | set(case.feature_names) | set(coherence.functions(case))
    return {name for name in names if len(name) > 4} - COMMON


@pytest.mark.parametrize("ring", GENERIC)
@pytest.mark.parametrize("case", usecases.all(), ids=lambda case: case.name)
def test_generic_code_names_nothing_of_a_use_case(ring: str, case: UseCase) -> None:
    pattern = re.compile(rf"\b({'|'.join(sorted(specific_names(case)))})\b")
    result = [
        f"{path.relative_to(PROJECT)}:{number}: {match[0]}"
        for path in sorted((PROJECT / ring).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if (match := pattern.search(line))
    ]
    assert result == []


@pytest.mark.parametrize("module", MIRRORED, ids=str)
def test_every_module_has_a_test_at_the_same_place(module: Path) -> None:
    elsewhere = BY_ANOTHER_NAME.get(str(module)) or IN_ONE_FILE.get(str(module))
    mirrored = PROJECT / "tests" / module.parent / f"test_{module.name}"
    assert mirrored.exists() or (elsewhere and (" " in elsewhere or (PROJECT / elsewhere).exists()))


def test_an_exception_to_the_mirror_is_about_a_module_that_is_there() -> None:
    assert [name for name in BY_ANOTHER_NAME if not (PROJECT / name).exists()] == []


PRIVATE_NAMES = {"told", "asked", "held", "where", "when", "place", "found"}
EXAMPLE_NAMES = {
    "flights_features",
    "entities_1f8a03b2c4d5",
    "timestamptz",
}  # of an asset, a service, a database's type
RINGS = [
    path.relative_to(PROJECT)
    for ring in ("ml", "include", "dags", "plugins")
    for path in sorted((PROJECT / ring).rglob("*.py"))
]


def defined_names(tree: ast.Module) -> Iterator[str]:
    """Yield the names of functions, classes, parameters, attributes and variables that a module defines."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


@pytest.mark.parametrize("module", RINGS, ids=str)
def test_no_name_is_a_pronoun_or_an_adverb(module: Path) -> None:
    assert PRIVATE_NAMES.isdisjoint(defined_names(ast.parse((PROJECT / module).read_text())))


@pytest.mark.parametrize("module", RINGS, ids=str)
def test_a_docstring_names_what_its_module_knows(module: Path) -> None:
    """A name in backticks is a parameter or another name of the module: a rename must reach the docstrings."""
    with (PROJECT / module).open("rb") as source:
        tokens = list(tokenize.tokenize(source.readline))
    known = {each.string for each in tokens if each.type == tokenize.NAME} | EXAMPLE_NAMES
    strings = [each.string for each in tokens if each.type == tokenize.STRING and not each.string.startswith('"""')]
    known |= set(re.findall(r"\w+", " ".join(strings)))
    tree = ast.parse((PROJECT / module).read_text())
    definitions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.ClassDef)]
    named = {
        f"{each.name}: {name}"
        for each in definitions
        for name in re.findall(r"`([a-z_]\w*)`", ast.get_docstring(each) or "")
        if name not in known
    }
    assert named == set()


def test_recorded_durations_are_of_test_files_that_exist() -> None:
    recorded = json.loads((PROJECT / "tests/durations.json").read_text())
    assert [name for name in recorded if not (PROJECT / name).is_file()] == []
