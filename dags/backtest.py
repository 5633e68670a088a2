"""# Backtest: compare retraining policies on past nights

**What for.** Before you change triggers, or to see what the gate costs and gains. A range of past nights is simulated
under each policy, with the stored features, real trainings and production's decision rules. Production is not touched.

**What starts it.** A person, from the UI, with the nights and the policies; `docs/concepts/retraining.md` explains how
to write these. `ratchet backtest` does the same.

**What it leaves.** A page, a plot and JSON under `backtests/` in the reports folder (the task returns the path), and
the trainings in `RATCHET_BACKTESTS`, where the next backtest reuses them.

**When it is red.** `RequestError`: a policy, a night or a candidate cannot be read; the last line shows how to write
it. `RefusalError`: nights are missing, or too few precede the first; ingest them. Otherwise run it again: it continues
with the stored trainings.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, task
from ratchet import policy, request

from include import usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Define the DAG of one model: a use case at one of its horizons."""
    night = {"type": "string", "format": "date"}
    first, _, last = use_case.demo.nights.partition("..")
    form = {
        **request.use_case_field(use_case),
        "first": Param(first, **night, description=f"The first night to simulate: {use_case.schedule.cadence_text}."),
        "last": Param(last or first, **night, description="The last night to simulate."),
        "policies": Param(
            "never,every@28,triggers",
            type="string",
            minLength=1,
            description="Policies, separated by commas: never, every@28, triggers, triggers@14, "
            "triggers:calibration_gap=0.02@14, shadow:margin=0.005@14, hindsight@14, every@14+recalibrate.",
        ),
        "gate": Param(False, type="boolean", description="Let the gate decide which challengers are promoted."),
        "sensitivity": Param(False, type="boolean", description="Also simulate multiples of the thresholds."),
    }
    with DAG(**policy.dag_arguments(use_case, "backtest", __doc__), schedule=None, params=form):

        @task(pool="training", execution_timeout=timedelta(hours=6))
        def backtest(**context: Any) -> str:
            from include.report import backtest_report
            from include.settings import load_settings
            from include.steps import backtest as step

            options = {name: context["params"][name] for name in ("policies", "gate", "sensitivity")}
            period = request.past_period(context, "{first}..{last}".format(**context["params"]))
            run = step.run(step.BacktestRequest(use_case=use_case.name, period=period, **options))
            return str(backtest_report.write(run, load_settings()))

        backtest()


for each in usecases.models():
    declare(each)
