"""Rules of the house that linters do not see."""

import re
from pathlib import Path

import pytest

from include import usecases
from include.settings import PROJECT
from include.usecases import coherence
from ml.usecase import UseCase

GENERIC = ("ml", "include/steps", "include/stores", "include/serving", "include/board", "dags", "plugins")
COMMON = {"origin", "destination", "schedule", "outcomes", "weekday"}
MIRRORED = [
    path.relative_to(PROJECT)
    for ring in ("ml", "include")
    for path in sorted((PROJECT / ring).rglob("*.py"))
    if path.name != "__init__.py" and "migrations" not in path.parts
]
BY_ANOTHER_NAME = {
    "ml/arrays.py": "types alone",
    "ml/errors.py": "words alone",
    "ml/targets/words.py": "words alone",
    "include/stores/landing/lines.py": "tests/include/stores/landing/test_delimited.py",
    **{
        f"include/stores/landing/{part}.py": "tests/include/stores/landing/test_formats.py"
        for part in ("columnar", "jsonlines", "rows")
    },
    "include/steps/ingest/telling.py": "tests/include/steps/ingest/test_ingest.py",
    **{f"include/steps/train/{part}.py": "tests/include/steps/test_train.py" for part in ("contest", "records")},
    **{f"include/steps/replay/{part}.py": "tests/include/steps/test_replay.py" for part in ("orders", "trainings")},
    **{f"ml/replay/{part}.py": "tests/ml/replay/test_walking.py" for part in ("admission", "scene")},
    "include/steps/train/plan.py": "tests/include/steps/test_side_by_side.py",
    "include/steps/train/refit.py": "tests/include/steps/test_refit.py",
    "include/stores/warehouse/files.py": "tests/include/steps/ingest/test_files.py",
    "include/report/canvas.py": "tests/include/report/test_plots.py",
    "include/console.py": "tests/include/test_cli.py",
    "include/cli_batch.py": "tests/include/steps/test_rescore.py",
    "include/cli_card.py": "tests/include/steps/test_card.py",
    "include/cli_explain.py": "tests/include/steps/test_explain.py",
    "include/cli_export.py": "tests/include/steps/test_export.py",
    "include/edge/command.py": "tests/include/steps/test_export.py",
    "include/edge/front.py": "tests/include/steps/test_export.py",
    "include/cli_migrate.py": "tests/include/steps/moving/test_cli_migrate.py",
    "include/cli_override.py": "tests/include/steps/test_override.py",
    **{
        f"include/stores/feature_store/{part}.py": "tests/include/stores/feature_store/test_feature_store.py"
        for part in ("delta", "registry", "retrieval", "services", "writing")
    },
    "include/compose/person.py": "tests/include/compose/test_trial.py",
    "include/stores/envelopes.py": "tests/include/stores/test_signatures.py",
    "include/serving/children.py": "tests/include/steps/test_battery.py",
    **{
        f"include/serving/{part}.py": "tests/include/serving/test_server.py"
        for part in ("__main__", "answering", "app", "direct", "fleet", "gateway", "metrics", "openapi", "routers")
    },
    **{
        f"include/serving/protocols/{part}.py": "tests/include/serving/protocols/test_protocols.py"
        for part in ("asking", "dataframes", "instances", "native", "tensors")
    },
    "include/cli_serving.py": "tests/include/steps/test_canary.py",
    "include/steps/reasons.py": "tests/include/steps/test_override.py",
    "include/stack/server.py": "tests/include/steps/test_canary.py",
    **{
        f"include/steps/{part}.py": "tests/include/steps/test_canary.py"
        for part in (
            "standing",
            "release/canary",
            "release/challengers",
            "release/dossier",
            "release/drill",
            "release/freeze",
            "release/rollback",
        )
    },
    "include/serving/pyfunc.py": "tests/include/stores/registry/test_registry.py",
    "include/stores/registry/client.py": "tests/include/stores/registry/test_registry.py",
    "include/stores/registry/training.py": "tests/include/stores/registry/test_registry.py",
    "include/stores/registry/versions.py": "tests/include/stores/registry/test_registry.py",
    "include/stores/registry/copies.py": "tests/include/steps/moving/test_moving.py",
    "include/steps/moving/parts.py": "tests/include/steps/moving/test_moving.py",
    "include/stores/warehouse/tables.py": "tests/include/stores/warehouse/test_database.py",
    "include/steps/features.py": "tests/include/steps/test_again.py",
    **{
        f"include/compose/{part}.py": "they ask a whole stack: `make stack-test` runs them"
        for part in ("night", "prepare")
    },
}

IN_ONE_FILE = {
    str(path.relative_to(PROJECT)): f"tests/include/usecases/test_{path.parent.name}.py"
    for path in (PROJECT / "include/usecases").glob("*/*.py")
} | {str(path.relative_to(PROJECT)): "tests/ml/usecase/test_case.py" for path in (PROJECT / "ml/usecase").glob("*.py")}


def words(case: UseCase) -> set[str]:
    """Return the names that only this use case may say: itself, its tables, columns, features and functions."""
    columns = {name for table in case.tables for name in coherence.model(case, table).to_schema().columns}
    tables = {table.name for table in case.tables}
    said = {case.name} | tables | columns | set(case.feature_names) | set(coherence.functions(case))
    return {word for word in said if len(word) > 4} - COMMON


@pytest.mark.parametrize("ring", GENERIC)
@pytest.mark.parametrize("case", usecases.all(), ids=lambda case: case.name)
def test_generic_code_names_nothing_of_a_use_case(ring: str, case: UseCase) -> None:
    said = re.compile(rf"\b({'|'.join(sorted(words(case)))})\b")
    found = [
        f"{path.relative_to(PROJECT)}:{number}: {match[0]}"
        for path in sorted((PROJECT / ring).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if (match := said.search(line))
    ]
    assert found == []


@pytest.mark.parametrize("module", MIRRORED, ids=str)
def test_every_module_has_a_test_at_the_same_place(module: Path) -> None:
    elsewhere = BY_ANOTHER_NAME.get(str(module)) or IN_ONE_FILE.get(str(module))
    mirrored = PROJECT / "tests" / module.parent / f"test_{module.name}"
    assert mirrored.exists() or (elsewhere and (" " in elsewhere or (PROJECT / elsewhere).exists()))


def test_an_exception_to_the_mirror_is_about_a_module_that_is_there() -> None:
    assert [name for name in BY_ANOTHER_NAME if not (PROJECT / name).exists()] == []
