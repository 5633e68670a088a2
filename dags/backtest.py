"""# Backtest: what other retraining policies would have led to

**What for.** Before triggers are changed, or to see what the gate costs and gains: a range of past nights is simulated under
each policy, with the stored features, real trainings and the decision rules of production. Production is not touched.

**What starts it.** A person, from the UI, with the nights and the policies; `docs/concepts/retraining.md` says how these are written.
`ratchet backtest` does the same.

**What it leaves.** A page, a picture and JSON under `replay/` in the reports folder (the task returns where), and the
trainings in `RATCHET_BACKTESTS`, where the next backtest finds them.

**When it is red.** `RequestError`: a policy, a night or a candidate cannot be read; the last line says how it is written.
`RefusalError`: nights are not there, or too few before the first; ingest them. Anything else: run it again, it continues.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, task
from ratchet import policy, request

from include import usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Make the DAG of one use case."""
    night = {"type": "string", "format": "date"}
    first, _, last = use_case.demo.nights.partition("..")
    form = {
        **request.use_case_field(use_case),
        "first": Param(first, **night, description=f"The first night that is walked: {use_case.horizon.cadence_text}."),
        "last": Param(last or first, **night, description="The last one."),
        "policies": Param(
            "never,every@28,triggers",
            type="string",
            minLength=1,
            description="Separated by commas: never, every@28, triggers, triggers@14, triggers:calibration_gap=0.02@14, "
            "shadow:margin=0.005@14, hindsight@14.",
        ),
        "gate": Param(False, type="boolean", description="Let the gate decide which models are let in."),
        "sensitivity": Param(False, type="boolean", description="Walk thresholds around the triggers too."),
    }
    with DAG(**policy.dag_arguments(use_case, "backtest", __doc__), schedule=None, params=form):

        @task(pool="training", execution_timeout=timedelta(hours=6))
        def backtest(**context: Any) -> str:
            from include.report import backtest_report
            from include.settings import load_settings
            from include.steps import backtest as step

            options = {name: context["params"][name] for name in ("policies", "gate", "sensitivity")}
            period = use_case.horizon.parse("{first}..{last}".format(**context["params"]))
            run = step.run(step.BacktestRequest(use_case=use_case.name, period=period, **options))
            return str(backtest_report.write(run, load_settings()))

        backtest()


for each in usecases.all():
    declare(each)
