"""Reads the shipped DAG files as Airflow does and writes down what they declare and what that cost."""

import json
import sys
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag

from include import usecases

HEAVY = (
    "pandas",
    "numpy",
    "sklearn",
    "lightgbm",
    "mlflow",
    "evidently",
    "polars",
    "deltalake",
    "pandera",
    "feast",
    "duckdb",
)
FOLDER = Path(__file__).resolve().parents[2] / "dags"


def task(one: Any) -> dict[str, Any]:
    """Return what the policy asks of a task."""
    return {
        "owner": one.owner,
        "retries": one.retries,
        "timeout": one.execution_timeout.total_seconds() if one.execution_timeout else None,
        "policy": one.retry_policy is not None,
        "outlets": [outlet.name for outlet in one.outlets],
        "pool": one.pool,
        "queue": one.queue,
        "downstream": sorted(one.downstream_task_ids),
    }


def late_after(dag: Any) -> float | None:
    """Return after how many seconds a run is late."""
    (deadline,) = dag.deadline or [None]
    return None if deadline is None else deadline.interval.total_seconds()


def consumed(timetable: Any) -> dict[str, list[str]]:
    """Return the names of the assets that start the DAG, and of each who watches for what happens elsewhere."""
    asset = getattr(timetable, "asset_condition", None)
    result = [] if asset is None else getattr(asset, "objects", [asset])
    result = [
        each for each in result if hasattr(each, "name")
    ]  # a timetable of Airflow's core has a condition of nothing
    return {each.name: [watcher.name for watcher in each.watchers] for each in result}


def main(out: Path, *folders: str) -> None:
    """Read the DAG files, with the use cases in `folders` beside the others, and write what was found."""
    usecases.__path__.extend(folders)
    before = set(sys.modules)
    bag = DagBag(FOLDER)
    dags = {
        dag.dag_id: {
            "file": Path(dag.fileloc).name,
            "doc": dag.doc_md,
            "tags": sorted(dag.tags),
            "max_active_runs": dag.max_active_runs,
            "late_after": late_after(dag),
            "params": sorted(dag.params.keys()),
            "timetable": type(dag.timetable).__name__,
            "consumes": consumed(dag.timetable),
            "tasks": {one.task_id: task(one) for one in dag.tasks},
        }
        for dag in bag.dags.values()
    }
    heavy = sorted(name for name in set(sys.modules) - before if name.split(".")[0] in HEAVY)
    out.write_text(json.dumps({"dags": dags, "errors": bag.import_errors, "heavy": heavy}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
