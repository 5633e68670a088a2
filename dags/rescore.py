"""# Rescore: nights are scored again, beside the published scores

**What for.** What would today's champion, or another package, have answered to these nights? For comparisons, for a report that
must not mix models, for whoever needs scores of nights before the first champion. Published scores are not touched.

**What starts it.** A person, from the UI: the first and the last night, a package (`champion`; `each-night`, whoever was champion
then; or 12 characters or more of a digest), and why. `ratchet rescore` does the same where Airflow is away.

**How.** `plan` writes into the ledger who asked for what, with the version of the features that all nights are read at, which a
vacuum keeps. Chunks of 28 nights are mapped, two at a time, beside the pool of the nightly scores. Each night is put in place in one commit,
rows are read a few at a time, and nights that are there already are not made again: clear what failed, it continues.

**What it leaves.** The Delta table `rescores/<package>`: entity, night, package, score, version of the features. The same asked
again replaces it by the same.

**When it is red.** `RequestError`: days that are no nights or have no features, no such package, or too few words of why.
`FeatureError`: the features of a night do not mean what the package learned; build them as it had them. `PackageError`: its bytes
are not what was signed.
"""

from dataclasses import asdict
from typing import Any

from airflow.sdk import DAG, Param, task
from ratchet import policy, request

from include import usecases
from ml.usecase import UseCase

_PACKAGE = r"^(champion|each-night|[0-9a-f]{12,64})$"


def declare(use_case: UseCase) -> None:
    """Make the DAG of one use case."""
    night = {"type": "string", "format": "date"}
    form = {
        **request.use_case_field(use_case),
        "first_night": Param(**night, description="The first night to score again."),
        "last_night": Param(**night, description="The last night, included."),
        "package": Param("champion", type="string", pattern=_PACKAGE, description="champion, each-night, or a digest."),
        "why": Param(type="string", minLength=10, description="Why; it goes into the ledger."),
    }
    with DAG(**policy.dag_arguments(use_case, "rescore", __doc__), schedule=None, params=form):

        @task
        def plan(**context: Any) -> list[dict[str, Any]]:
            from include.steps.score import rescore as step

            request.form_values(context)
            arguments = [context["params"][name] for name in ("first_night", "last_night", "package")]
            return [
                asdict(each)
                for each in step.plan(
                    use_case.name, *arguments, request.triggering_user(context), context["params"]["why"]
                )
            ]

        @task(max_active_tis_per_dag=2, map_index_template="{{ task.op_kwargs.chunk.period }}")
        def rescore(chunk: dict[str, Any]) -> int:
            from include.steps.score import rescore as step

            return step.rescore(use_case.name, step.RescoreChunk(**chunk))

        rescore.expand(chunk=plan())


for each in usecases.all():
    declare(each)
