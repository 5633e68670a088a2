"""Of all logged predictions, those count as answers that a client got for an entity that was looked up."""

import pandas as pd

from include.stores import prediction_table
from ml.rollout.routing import Route

ROW = {
    "entity": "a",
    "night": "2024-03-17",
    "at": 1.0,
    "route": "champion",
    "fault": None,
    "snapshot": "s",
    "sent": None,
}


def rows(*changes: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([ROW | each for each in changes])


def test_shadows_faults_and_rows_without_a_snapshot_are_no_answers() -> None:
    logged = rows({}, {"route": Route.CANARY}, {"route": Route.SHADOW}, {"fault": "E: no"}, {"snapshot": None})
    assert prediction_table.answers_from_snapshots(logged).index.tolist() == [0, 1]


def test_a_log_of_an_earlier_release_has_no_such_answers() -> None:
    logged = rows({}).drop(columns=["snapshot", "sent"])
    result = prediction_table.answers_from_snapshots(logged)
    assert result.empty
    assert {"snapshot", "sent"} <= set(result.columns)


def test_the_last_answer_to_an_entity_of_a_night_counts() -> None:
    logged = rows({"at": 3.0}, {"at": 2.0}, {"at": 1.0, "night": "2024-03-18"}, {"entity": "b"})
    last = prediction_table.last_by_entity(logged)
    assert sorted(zip(last["entity"], last["night"], last["at"], strict=True)) == [
        ("a", "2024-03-17", 3.0),
        ("a", "2024-03-18", 1.0),
        ("b", "2024-03-17", 1.0),
    ]
