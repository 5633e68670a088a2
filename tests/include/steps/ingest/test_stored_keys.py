"""A changed key of the entities is noticed on stored rows, before anything is written."""

from dataclasses import replace

import pytest

from include.settings import Settings
from include.steps import ingest
from include.steps.context import StepContext
from include.steps.ingest import stored_keys
from ml.errors import DataError
from ml.usecase import UseCase, periods

MONTHS, SECOND = periods.parse("2023-01-01..2023-02-01"), periods.parse("2023-02-01")


def test_the_same_key_and_a_table_without_entities_pass_and_another_key_does_not(home: Settings, gym: UseCase) -> None:
    ingest.ingest("gym", str(MONTHS))
    members, renewals = gym.tables
    by_plan = replace(members, key=("plan",))
    changed = replace(gym, tables=(by_plan, replace(renewals, key=("plan",))))
    for case, fails in ((gym, False), (changed, True)):
        context = StepContext(case=case, settings=home)
        stored_keys.check(context, case.tables[0], MONTHS)
        if not fails:
            stored_keys.check(context, case.tables[0], SECOND)
            continue
        with pytest.raises(DataError, match=r"the key of 'members' .*Restore the key.*`ratchet forget gym`"):
            stored_keys.check(context, case.tables[0], SECOND)
