"""A part of Airflow lives when Airflow says so."""

import json

import pytest

from include.platform.compose import health
from tests.listener import listening

TOLD = {"scheduler": {"status": "healthy"}, "triggerer": {"status": "unhealthy"}, "dag_processor": {"status": None}}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        pytest.param("scheduler", "", id="one that lives"),
        pytest.param("triggerer", "expected triggerer to be healthy, Airflow says unhealthy", id="one that does not"),
        pytest.param(
            "dag_processor", "expected dag_processor to be healthy, Airflow says nothing of it", id="one never seen"
        ),
        pytest.param("gateway", "expected gateway to be healthy, Airflow says nothing of it", id="one that is none"),
    ],
)
def test_a_part_is_as_airflow_says(part: str, expected: str) -> None:
    assert health.find_fault(part, TOLD) == expected


def test_an_airflow_that_does_not_answer_is_a_sentence() -> None:
    with pytest.raises(SystemExit, match="127.0.0.1:1: .*refused"):
        health.main("scheduler", "http://127.0.0.1:1")


def test_airflow_is_asked() -> None:
    with listening(lambda _: (200, json.dumps(TOLD).encode())) as address:
        health.main("scheduler", address)
        with pytest.raises(SystemExit, match="unhealthy"):
            health.main("triggerer", address)
