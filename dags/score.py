"""# Score: the champion answers for every entity of the night

**What for.** One score for each entity of the night, by the model that is champion at that moment. A score once issued
is never rewritten: running a night again adds what is missing.

**What starts it.** The asset `features`, under the same key. A person, from the UI, for a `night` or a `window`.

**What it leaves.** Scores in the warehouse, each with its model's version, and the asset `scores`, which starts
`monitor`. Before the first release there is no champion: the task is skipped, and so is everything after it.

**When it is red.** `PackageError`: the model's files are not the bytes that were approved; roll back, and find out who
changed them. `DataError`: the night has no features; clear `ingest` for that night first. `FeatureError`: a feature of the night
does not mean what the champion learned it as; take the change back and build the night again, or release a model that
was trained on it.
"""

from typing import Any

from airflow.sdk import DAG, IdentityMapper, PartitionedAssetTimetable, task
from airflow.sdk.exceptions import AirflowSkipException
from ratchet import policy, request

from include import assets, usecases
from ml.usecase import UseCase


def declare(use_case: UseCase) -> None:
    """Make the DAG of one use case."""
    features = request.asset(use_case, assets.FEATURES)
    timetable = PartitionedAssetTimetable(assets=features, default_partition_mapper=IdentityMapper())
    with DAG(**policy.dag(use_case, "score", __doc__), schedule=timetable, params=request.form(use_case)):

        @task(outlets=[request.asset(use_case, assets.SCORES)], pool="scoring")
        def score(**context: Any) -> int:
            from include.steps import score as step

            request.hand_over(context)
            rows = step.score(use_case.name, request.period(context))
            if rows is None:
                raise AirflowSkipException(f"{use_case.name} has no champion yet: train one and release it")
            return rows

        score()


for each in usecases.all():
    declare(each)
