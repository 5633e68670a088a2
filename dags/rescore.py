"""# Rescore: score past nights again, next to the published scores

**What for.** What would today's champion, or another package, have predicted for these nights? Use it for comparisons,
for a report that must not mix models, or for scores of nights before the first champion. Published scores are not
touched.

**What starts it.** A person, from the UI, with the first and the last night, a reason, and a package: `champion`;
`each-night`, the champion of each night; or 12 characters or more of a digest. `ratchet rescore` does the same when
Airflow is not available.

**How.** `plan` records the request in the ledger, with the version of the features at which all nights are read and
which a vacuum keeps. Chunks of 28 nights are mapped tasks, two at a time, outside the pool of the nightly scores. Each
night is written in one commit, from a few rows at a time. Nights that are complete are not scored again: clear what
failed, and it continues.

**What it leaves.** The Delta table `rescores/<package>`: entity, night, package, score, version of the features, and
whether the night is out of sample. A model looks better than it is on nights that it learned from: the log of `plan`
warns of such nights, with counts. Repeating a request leaves the same rows.

**When it is red.** `RequestError`: a date is no night, no night has features, the package does not exist, or the reason
is too short. `FeatureError`: the features of a night do not mean what the package was trained on; build them from its
declarations. `PackageError`: the package is not what was signed.
"""

from dataclasses import asdict
from typing import Any

from airflow.sdk import DAG, Param, task
from ratchet import policy, request

from include import usecases
from ml.usecase import UseCase

_PACKAGE = r"^(champion|each-night|[0-9a-f]{12,64})$"


def declare(use_case: UseCase) -> None:
    """Define the DAG of one model: a use case at one of its horizons."""
    night = {"type": "string", "format": "date"}
    form = {
        **request.use_case_field(use_case),
        "first_night": Param(**night, description="The first night to score again."),
        "last_night": Param(**night, description="The last night, included."),
        "package": Param("champion", type="string", pattern=_PACKAGE, description="champion, each-night, or a digest."),
        "why": Param(type="string", minLength=10, description="The reason; it goes into the ledger."),
    }
    with DAG(**policy.dag_arguments(use_case, "rescore", __doc__), schedule=None, params=form):

        @task
        def plan(**context: Any) -> list[dict[str, Any]]:
            from include.steps.score import rescore as step

            request.form_values(context)
            request.past_period(context, "{first_night}..{last_night}".format(**context["params"]))
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


for each in usecases.models():
    declare(each)
