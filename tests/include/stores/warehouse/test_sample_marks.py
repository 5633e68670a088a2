"""Marks say whether a night lies after all that its model learned from; they are set once, and unknown ones stay null."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from include.stores import warehouse
from include.stores.warehouse import MarkedRows, Metric
from tests import published

FIRST, ISSUED = date(2013, 2, 1), datetime(2013, 2, 8, 7, tzinfo=UTC)
NIGHTS = [FIRST + timedelta(days=number) for number in range(4)]


def issue(engine: sa.Engine, digest: str = "m1", out_of_sample: bool | None = None) -> None:
    for night in NIGHTS:
        frame = pd.DataFrame({"entity": ["ride 0", "ride 1"], "score": [0.25, 0.5]})
        published.publish(engine, "taxi", night, digest, frame, ISSUED, out_of_sample=out_of_sample)


def marks(engine: sa.Engine, digest: str = "m1") -> list[set[object]]:
    result = [warehouse.scores(engine, "taxi", night, digest)["out_of_sample"] for night in NIGHTS]
    return [set(each.astype(object).where(each.notna(), None)) for each in result]


@pytest.mark.parametrize(
    ("until", "is_complete", "expected"),
    [
        pytest.param(NIGHTS[1], True, [False, False, True, True], id="all is known"),
        pytest.param(NIGHTS[1], False, [False, False, None, None], id="only what it was fitted on is known"),
        pytest.param(None, False, [None, None, None, None], id="nothing is known"),
        pytest.param(FIRST - timedelta(days=1), True, [True, True, True, True], id="learned before"),
    ],
)
def test_unmarked_scores_are_marked_by_what_is_known(
    engine: sa.Engine, until: date | None, is_complete: bool, expected: list[bool | None]
) -> None:
    issue(engine)
    marked = warehouse.mark(engine, "m1", until, is_complete=is_complete)
    assert marks(engine) == [{each} for each in expected]
    assert marked == MarkedRows(scores=2 * sum(each is not None for each in expected), metrics=0)
    assert warehouse.mark(engine, "m1", until, is_complete=is_complete) == MarkedRows(scores=0, metrics=0)


def test_marks_that_are_set_and_those_of_other_models_stay(engine: sa.Engine) -> None:
    issue(engine, "m1", out_of_sample=True)
    issue(engine, "m2")
    assert warehouse.unmarked_models(engine) == ("m2",)
    assert warehouse.count_unmarked(engine) == 8
    warehouse.mark(engine, "m1", NIGHTS[-1], is_complete=True)
    assert marks(engine, "m1") == [{True}] * 4
    assert marks(engine, "m2") == [{None}] * 4


def test_in_sample_metrics_are_counted_and_left_out_of_series(engine: sa.Engine) -> None:
    metrics = [
        Metric(use_case="taxi", night=night, model_digest="m1", slice="all", metric="log_loss", value=0.5, n=2)
        for night in NIGHTS
    ]
    warehouse.record_metrics(engine, metrics)
    warehouse.mark(engine, "m1", FIRST, is_complete=True)
    assert warehouse.count_in_sample_nights(engine, "taxi", FIRST) == 1
    assert [each.night for each in warehouse.metric_series(engine, "taxi", ["log_loss"], FIRST)] == NIGHTS[1:]
    assert len(warehouse.metrics(engine, "taxi")) == 4
