from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from include.stores import warehouse
from include.stores.warehouse.scores import MATURED_COLUMNS
from ml.errors import DataError
from tests import published

NIGHT = date(2013, 2, 8)
ISSUED = datetime(2013, 2, 8, 7, tzinfo=UTC)
KNOWN = datetime(2013, 2, 9, 7, tzinfo=UTC)


def scored(*scores: float) -> pd.DataFrame:
    return pd.DataFrame({"entity": [f"ride {n}" for n in range(len(scores))], "score": scores})


def labelled(*labels: float, known_at: datetime = KNOWN) -> pd.DataFrame:
    entities = [f"ride {n}" for n in range(len(labels))]
    return pd.DataFrame({"entity": entities, "night": NIGHT, "label": labels, "known_at": known_at, "landed": NIGHT})


def issue(engine: sa.Engine, frame: pd.DataFrame, model: str = "m1", features_version: int | None = 7) -> int:
    return published.publish(engine, "taxi", NIGHT, model, frame, ISSUED, features_version)


def matured(engine: sa.Engine, known_by: datetime = KNOWN) -> pd.DataFrame:
    return warehouse.matured_scores(engine, "taxi", NIGHT, NIGHT, known_by)


def test_scores_are_read_back_as_they_were_issued(engine: sa.Engine) -> None:
    assert issue(engine, scored(0.25, 1 / 3)) == 2
    expected = pd.DataFrame(
        {
            "entity": ["ride 0", "ride 1"],
            "night": [NIGHT, NIGHT],
            "model_digest": ["m1", "m1"],
            "score": [0.25, 1 / 3],
            "published_at": pd.Series([ISSUED, ISSUED], dtype="datetime64[us, UTC]"),
            "features_version": pd.Series([7, 7], dtype="Int64"),
            "out_of_sample": pd.Series([True, True], dtype="boolean"),
        }
    )
    pd.testing.assert_frame_equal(warehouse.scores(engine, "taxi", NIGHT), expected)


def test_a_score_once_issued_is_never_rewritten(engine: sa.Engine) -> None:
    issue(engine, scored(0.25))
    assert issue(engine, scored(0.75, 0.5)) == 1
    assert warehouse.scores(engine, "taxi", NIGHT)["score"].tolist() == [0.25, 0.5]


def test_scores_are_counted_and_found_by_what_made_them(engine: sa.Engine) -> None:
    issue(engine, scored(0.25), features_version=6)
    issue(engine, scored(0.5, 0.75))  # ride 0 keeps its score
    issue(engine, scored(0.125), model="m2", features_version=None)
    assert warehouse.count_by_model(engine, "taxi", NIGHT) == {("m1", 6): 1, ("m1", 7): 1, ("m2", None): 1}
    names = [f"ride {number}" for number in range(70_000)]
    assert warehouse.scores_of_entities(engine, "taxi", NIGHT, "m1", 6, names) == {"ride 0": 0.25}
    assert warehouse.scores_of_entities(engine, "taxi", NIGHT, "m1", 7, names) == {"ride 1": 0.75}
    assert warehouse.scores_of_entities(engine, "taxi", NIGHT, "m1", 7, []) == {}


def test_the_database_itself_refuses_to_rewrite_a_score(engine: sa.Engine) -> None:
    issue(engine, scored(0.25))
    with (
        pytest.raises(sa.exc.DBAPIError, match="a score once issued is never rewritten"),
        warehouse.write_transaction(engine) as connection,
    ):
        connection.exec_driver_sql("UPDATE scores SET score = 1")


@pytest.mark.parametrize("change", ["out_of_sample = NULL", "out_of_sample = TRUE, score = 1"])
def test_the_database_itself_refuses_to_unmark_a_score_or_to_rewrite_it_with_its_mark(
    engine: sa.Engine, change: str
) -> None:
    issue(engine, scored(0.25))
    published.publish(engine, "taxi", NIGHT, "m2", scored(0.5), ISSUED, out_of_sample=None)
    with (
        pytest.raises(sa.exc.DBAPIError, match="a score once issued is never rewritten"),
        warehouse.write_transaction(engine) as connection,
    ):
        connection.exec_driver_sql(f"UPDATE scores SET {change}")


def test_two_models_score_the_same_night_side_by_side(engine: sa.Engine) -> None:
    issue(engine, scored(0.25), model="m1")
    issue(engine, scored(0.5), model="m2")
    assert warehouse.scores(engine, "taxi", NIGHT)["score"].tolist() == [0.25, 0.5]
    assert warehouse.scores(engine, "taxi", NIGHT, "m2")["score"].tolist() == [0.5]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_refused(engine: sa.Engine, value: float) -> None:
    with pytest.raises(DataError, match="every score must be a finite number, but 1 of 2 are not"):
        issue(engine, scored(0.5, value))
    assert warehouse.scores(engine, "taxi", NIGHT).empty


def test_a_night_without_scores_or_labels_is_an_empty_frame_of_the_same_columns(engine: sa.Engine) -> None:
    assert issue(engine, scored()) == 0
    assert warehouse.record_labels(engine, "taxi", labelled()) == 0
    assert matured(engine).columns.tolist() == [*MATURED_COLUMNS]
    assert matured(engine).empty


def test_scores_mature_when_their_labels_become_known(engine: sa.Engine) -> None:
    issue(engine, scored(0.25, 0.5))
    warehouse.record_labels(engine, "taxi", labelled(1.0))
    assert matured(engine, KNOWN - timedelta(microseconds=1)).empty
    result = matured(engine)
    assert result[["entity", "night", "score", "label"]].to_numpy().tolist() == [["ride 0", NIGHT, 0.25, 1.0]]
    assert result["known_at"].tolist() == [KNOWN]


def test_labels_may_come_before_scores(engine: sa.Engine) -> None:
    warehouse.record_labels(engine, "taxi", labelled(1.0))
    issue(engine, scored(0.25))
    assert len(matured(engine)) == 1


def test_a_corrected_label_replaces_the_one_before_and_a_withdrawn_one_goes(engine: sa.Engine) -> None:
    issue(engine, scored(0.25, 0.5))
    warehouse.record_labels(engine, "taxi", labelled(0.0, 1.0))
    warehouse.record_labels(engine, "taxi", labelled(1.0), removed=["ride 1"])
    assert matured(engine)[["entity", "label"]].to_numpy().tolist() == [["ride 0", 1.0]]


def test_the_night_that_brought_a_label_is_known(engine: sa.Engine) -> None:
    warehouse.record_labels(engine, "taxi", labelled(0.0, 1.0))
    assert warehouse.entities_labelled_between(engine, "taxi", NIGHT, NIGHT) == {"ride 0", "ride 1"}
    assert (
        warehouse.entities_labelled_between(engine, "taxi", NIGHT + timedelta(days=1), NIGHT + timedelta(days=9))
        == set()
    )


def test_another_use_case_is_another_world(engine: sa.Engine) -> None:
    issue(engine, scored(0.25))
    warehouse.record_labels(engine, "bikes", labelled(1.0))
    assert matured(engine).empty
    assert warehouse.count_labels(engine, "taxi", KNOWN) == 0


@pytest.mark.parametrize(
    ("after", "by", "count"),
    [
        (None, KNOWN, 2),
        (None, KNOWN - timedelta(seconds=1), 0),
        (KNOWN, KNOWN, 0),
        (KNOWN - timedelta(seconds=1), KNOWN, 2),
    ],
)
def test_labels_are_counted_by_when_they_became_known(
    engine: sa.Engine, after: datetime | None, by: datetime, count: int
) -> None:
    warehouse.record_labels(engine, "taxi", labelled(0.0, 1.0))
    assert warehouse.count_labels(engine, "taxi", by, known_after=after) == count


def test_maturity_counts_entities_not_models(engine: sa.Engine) -> None:
    issue(engine, scored(0.25, 0.5), model="m1")
    issue(engine, scored(0.25, 0.5), model="m2")
    warehouse.record_labels(engine, "taxi", labelled(1.0))
    (night,) = warehouse.maturity(engine, "taxi", NIGHT, NIGHT, KNOWN)
    assert (night.night, night.scored, night.matured, night.share) == (NIGHT, 2, 1, 0.5)


def test_scores_are_written_by_thousands(engine: sa.Engine) -> None:
    sizes: list[int] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def count(*call: Any) -> None:
        _, _, statement, parameters, _, many = call
        sizes.extend([len(parameters) if many else 1] if statement.startswith("INSERT") else [])

    assert issue(engine, scored(*np.linspace(0, 1, 30_000))) == 30_000
    assert len(sizes) <= 60
