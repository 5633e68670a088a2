"""A component of Airflow is healthy if Airflow reports it healthy."""

import json

import pytest

from include.platform.compose import health
from tests.listener import listening

REPORTED = {"scheduler": {"status": "healthy"}, "triggerer": {"status": "unhealthy"}, "dag_processor": {"status": None}}


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        pytest.param("scheduler", "", id="healthy"),
        pytest.param("triggerer", "expected triggerer to be healthy, Airflow reports unhealthy", id="unhealthy"),
        pytest.param(
            "dag_processor", "expected dag_processor to be healthy, Airflow reports no status", id="never started"
        ),
        pytest.param("gateway", "expected gateway to be healthy, Airflow reports no status", id="unknown"),
    ],
)
def test_a_problem_is_reported_as_airflow_reports_it(component: str, expected: str) -> None:
    assert health.find_problem(component, REPORTED) == expected


def test_an_airflow_that_does_not_answer_is_a_sentence() -> None:
    with pytest.raises(SystemExit, match="127.0.0.1:1: .*refused"):
        health.main("scheduler", "http://127.0.0.1:1")


def test_the_program_fails_for_an_unhealthy_component() -> None:
    with listening(lambda _: (200, json.dumps(REPORTED).encode())) as address:
        health.main("scheduler", address)
        with pytest.raises(SystemExit, match="unhealthy"):
            health.main("triggerer", address)
