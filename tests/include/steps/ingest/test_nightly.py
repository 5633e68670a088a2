from collections.abc import Callable

from include.settings import Settings
from include.steps.ingest import nightly
from include.steps.ingest.nightly import NightlyResult
from tests.include.steps.conftest import NIGHT, STEPS, contents


def test_a_night_taken_by_hand_leaves_what_the_two_steps_of_the_dag_leave(arrive: Callable[[str], Settings]) -> None:
    by_dag = arrive("ingest a night")
    STEPS["ingest a night"]()
    STEPS["features of a night"]()
    by_hand = arrive("ingest a night")
    taken = nightly.run("taxi", NIGHT)
    assert taken == NightlyResult(rows_in=192, rows_valid=192, rows_quarantined=0, entities=60)
    assert contents(by_hand) == contents(by_dag)
