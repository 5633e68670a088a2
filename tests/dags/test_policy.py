"""What holds for every DAG of every use case."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from include import usecases
from include.settings import PROJECT
from ml.usecase import UseCase
from tests.conftest import TOYS
from tests.usecases.taxi.usecase import USE_CASE as TAXI

pytestmark = pytest.mark.airflow

OF_DATA = ("ingest", "quarantine", "materialize", "late_labels", "missed_nights", "prune")
OF_A_MODEL = (
    "score",
    "monitor",
    "train",
    "release",
    "canary",
    "rescore",
    "rollback",
    "standing_approval",
    "collect_predictions",
    "rollback_drill",
    "label_trigger",
    "backtest",
)
OF_A_NIGHT = ("ingest", "quarantine", "materialize", "score", "monitor", "train", "release", "canary")
LIVE = ("intraday",)
NO_DAG = "import_errors.py"
Read = dict[str, Any]


def tasks(read: Read) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{dag}.{name}", task) for dag, result in read["dags"].items() for name, task in result["tasks"].items()]


def test_every_dag_file_can_be_read(read: Read) -> None:
    assert read["errors"] == {}


def stages(case: UseCase) -> set[str]:
    """Return the names of the DAGs that a use case has: those of its data, and those of the model of each horizon."""
    of_data = (*OF_DATA, *(LIVE if case.lives else ()))
    models = {f"{model.name}_{stage}" for model in case.models for stage in OF_A_MODEL}
    return {f"{case.name}_{stage}" for stage in of_data} | models


def test_every_use_case_has_every_stage_and_nothing_else_is_there(read: Read) -> None:
    assert set(read["dags"]) == {dag for each in usecases.all() for dag in stages(each)}


def test_every_dag_file_makes_a_dag_named_after_it(read: Read) -> None:
    files = {path.name for path in (PROJECT / "dags").glob("*.py")}
    assert {result["file"] for result in read["dags"].values()} == files - {NO_DAG}
    assert all(dag.endswith(result["file"].removesuffix(".py")) for dag, result in read["dags"].items())


def test_every_dag_says_what_it_is_for_and_what_to_do_when_it_is_red(read: Read) -> None:
    wanted = ("What for", "What starts it", "What it leaves", "When it is red")
    assert [dag for dag, result in read["dags"].items() if not all(part in result["doc"] for part in wanted)] == []


def test_every_dag_is_tagged_with_its_use_case_and_runs_once_at_a_time(read: Read) -> None:
    for dag, result in read["dags"].items():
        stage = result["file"].removesuffix(".py")
        use_case = dag.removesuffix(f"_{stage}")
        assert result["tags"] == sorted([use_case, stage])
        assert result["max_active_runs"] == 1


def test_every_run_is_late_in_the_end_but_for_those_that_wait_for_people(read: Read) -> None:
    never = {dag for dag, result in read["dags"].items() if result["late_after"] is None}
    assert never == {f"{each.name}_{stage}" for each in usecases.models() for stage in ("release", "standing_approval")}


def test_every_task_has_an_owner_retries_and_a_timeout(read: Read) -> None:
    lacking = [
        name
        for name, task in tasks(read)
        if task["owner"] in ("", "airflow") or task["retries"] < 1 or not task["timeout"] or not task["policy"]
    ]
    assert lacking == []


def test_every_asset_that_starts_a_dag_is_produced_by_one_or_watched(read: Read) -> None:
    produced = {outlet for _, task in tasks(read) for outlet in task["outlets"]}
    consumed = {asset: watchers for result in read["dags"].values() for asset, watchers in result["consumes"].items()}
    watched = {asset for asset, watchers in consumed.items() if watchers}
    assert consumed.keys() - watched <= produced
    in_batches = {f"{each.name}_labels" for each in usecases.models() if each.triggers.label_batch}
    assert watched == {f"{each.name}_late_labels" for each in usecases.all()} | in_batches


def test_a_rehearsal_watches_nothing(reader: Callable[..., Read]) -> None:
    result = reader(schedules="off")
    consumed = [watchers for each in result["dags"].values() for watchers in each["consumes"].values()]
    assert not any(consumed)


def test_nothing_stands_between_an_approval_and_what_it_allows(read: Read) -> None:
    for stage, allowed in (("release", "shift_traffic"), ("standing_approval", "grant")):
        approvals = [task for name, task in tasks(read) if f"_{stage}.approval_of_" in name]
        assert len(approvals) == 2 * len(usecases.models())
        assert all(task["downstream"] == [allowed] for task in approvals)
    assert [task["downstream"] for name, task in tasks(read) if name.endswith(".shift_traffic")] == [["promote"]] * len(
        usecases.models()
    )


def test_every_stage_of_a_night_takes_one_and_names_its_use_case(read: Read) -> None:
    of_a_night = [
        result for dag, result in read["dags"].items() if dag.endswith(tuple(f"_{stage}" for stage in OF_A_NIGHT))
    ]
    counts = {stage: len(usecases.all() if stage in OF_DATA else usecases.models()) for stage in OF_A_NIGHT}
    assert len(of_a_night) == sum(counts.values())
    assert all({"use_case", "night"} <= set(result["params"]) for result in of_a_night)


def test_a_rollback_asks_for_a_reason(read: Read) -> None:
    forms = [result["params"] for dag, result in read["dags"].items() if dag.endswith("_rollback")]
    assert all({"use_case", "why"} <= set(form) for form in forms)


def test_a_rescore_asks_for_nights_a_package_and_a_reason(read: Read) -> None:
    forms = [result["params"] for dag, result in read["dags"].items() if dag.endswith("_rescore")]
    assert all(form == ["first_night", "last_night", "package", "use_case", "why"] for form in forms)


def test_a_person_who_lets_withheld_scores_go_says_why(read: Read) -> None:
    assert all("why" in result["params"] for dag, result in read["dags"].items() if dag.endswith("_score"))


def test_a_replay_asks_for_nights_and_policies(read: Read) -> None:
    forms = [result["params"] for dag, result in read["dags"].items() if dag.endswith("_backtest")]
    assert len(forms) == len(usecases.models())
    assert all({"use_case", "first", "last", "policies", "gate", "sensitivity"} == set(form) for form in forms)


def test_reading_the_dag_files_imports_nothing_heavy(read: Read) -> None:
    assert read["heavy"] == []


def test_a_use_case_that_cannot_be_read_is_named_and_the_dags_of_all_others_stay(
    reader: Callable[..., Read], read: Read, tmp_path: Path
) -> None:
    for name in ("ferry", "gym", "taxi"):
        shutil.copytree(TOYS / name, tmp_path / name)
    literal = tmp_path / "gym" / "usecase.py"
    literal.write_text(literal.read_text().replace("question=", "qestion="))
    fatal = tmp_path / "ferry" / "usecase.py"
    fatal.write_text(f"import os\nos._exit(3)\n{fatal.read_text()}")
    result = reader(tmp_path)
    assert set(result["dags"]) == set(read["dags"]) | stages(TAXI)
    ((file, trace),) = result["errors"].items()
    assert Path(file).name == NO_DAG
    assert f"{literal}, line 23: UseCase has no field 'qestion': did you mean 'question'" in trace
    assert f"{fatal}, line 2: reading it ends the process (exit code 3)" in trace
