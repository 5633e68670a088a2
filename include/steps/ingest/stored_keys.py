"""Check that the declared key of a table gives the entities of stored nights the ids that they were stored with."""

from include.steps.context import StepContext
from include.stores import lake
from ml import features
from ml.errors import DataError
from ml.usecase import Table
from ml.usecase.periods import Period

_ENTITY = "entity"


def check(context: StepContext, table: Table, period: Period) -> None:
    """Raise DataError if stored rows of `table` outside `period` have ids of another key than the declared one."""
    case, key = context.case, context.case.table(context.case.entities).key
    uri = lake.address(context.settings.lake, case.name, "valid", table.name)
    others = [night for night in lake.nights(uri) if night not in period]
    columns = lake.columns(uri)
    if not others or _ENTITY not in columns:
        return
    if set(key) <= set(columns):
        newest = Period(first=others[-1], last=others[-1])
        rows = next(lake.batches(uri, newest, [*key, _ENTITY], length=1)).head(1)
        if rows[_ENTITY].tolist() == features.entity_ids(case, rows).tolist():
            return
    raise DataError(
        f"expected the key of {case.entities!r} that the entities of stored nights have, but their ids are not those of "
        f"{key}: scores and labels of stored nights would belong to nobody. Restore the key, declare a use case of "
        f"another name, or start this one again (`ratchet forget {case.name}`)"
    )
