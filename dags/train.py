"""# Train: fit the candidates as of a night, and judge the best against the champion

**What for.** Every candidate of the use case is fitted on what was known at the night's cutoff. The best of them is
compared with the champion on the same frozen rows. The gate decides promote, keep or inconclusive; only promote leads
to a release.

**How.** `prepare` pins the versions of the tables and the champion to compare with. Each candidate is a mapped task of
`fit`, named after it: it is tuned, fitted, measured in a process that runs like the server, and stored as candidate
files. `judge` compares the candidates and removes their files.

**What starts it.** The asset `retrain`. A person, from the UI, for a `night`, with a `reason` for the ledger. `tune`
searches the candidates' hyperparameters again, within the time that the use case allows (the log of `fit` shows folds
and trials).

**What it leaves.** The best candidate's package, a run in MLflow, and the verdict with every number of the gate in the
ledger. If the challenger earned a release, also the asset `challenger`, which starts `release`; otherwise
`request_release` is skipped. A night is judged once. Only a first model that was refused may be trained again, with the
reason `bootstrap`, once its data or the use case have changed.

**When it is red.** `LeakError`: a feature contains what cannot be known at the cutoff; remove it. `DataError`: there is
too little history; ingest more. `FeatureError`: nights were built from other declarations, and the message names the
`ratchet features build` that fixes it; or the champion was trained on another meaning of a feature: declare the change
under a new name. `CandidateFilesError` in `judge`: a candidate's files are missing or damaged; clear the `fit` that it
names, or `prepare`. `RequestError` in `fit` or `judge`: the use case or the code changed meanwhile; clear `prepare`.
The pool `training` has one slot for each fit that may run at once.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, IdentityMapper, Param, PartitionedAssetTimetable, TriggerRule, task
from ratchet import policy, request

from include import assets, usecases
from ml.usecase import Permission, UseCase


def reason(context: dict[str, Any]) -> str:
    """Return why to train: the reason that a person gave, or else "monitor" for the asset and "person" for others."""
    run = context["dag_run"]
    is_asset_triggered = run.run_type == "asset_triggered"
    return (run.conf or {}).get("reason") or ("monitor" if is_asset_triggered else "person")


def declare(use_case: UseCase) -> None:
    """Define the DAG of one model: a use case at one of its horizons."""
    retrain = request.asset(use_case, assets.RETRAIN)
    timetable = PartitionedAssetTimetable(assets=retrain, default_partition_mapper=IdentityMapper())
    why = Param(None, type=["null", "string"], maxLength=200, description="Why to train now; it goes into the ledger.")
    tune = Param(False, type="boolean", description="Search the hyperparameters again; the challenger is a change.")
    form = {**request.form_fields(use_case, window=False), "reason": why, "tune": tune}
    with DAG(**policy.dag_arguments(use_case, "train", __doc__), schedule=timetable, params=form):

        @task(pool="training")
        def prepare(**context: Any) -> list[dict[str, str]]:
            from include.steps import train as step

            request.check_permission(context, use_case, Permission.TRAIN)
            tune = bool((context["dag_run"].conf or {}).get("tune"))
            return step.prepare(use_case.name, request.night(context), reason(context), tune=tune)

        @task(
            pool="training", execution_timeout=timedelta(hours=3), map_index_template="{{ task.op_kwargs.candidate }}"
        )
        def fit(plan: str, candidate: str, **context: Any) -> None:
            from include.steps import train as step

            step.fit(use_case.name, request.night(context), plan, candidate)

        @task.short_circuit(pool="training", trigger_rule=TriggerRule.NONE_FAILED)
        def judge(fit_tasks: list[dict[str, str]], **context: Any) -> bool:
            from include.steps import train as step

            return step.judge(use_case.name, request.night(context), fit_tasks)

        @task(outlets=[request.asset(use_case, assets.CHALLENGER)])
        def request_release(**context: Any) -> None:
            request.set_outlet_partitions(context)

        fit_tasks = prepare()
        fit.expand_kwargs(fit_tasks) >> judge(fit_tasks) >> request_release()


for each in usecases.models():
    declare(each)
