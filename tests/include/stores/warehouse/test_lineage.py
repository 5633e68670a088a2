from datetime import UTC, date, datetime

import pandas as pd
import pytest
import sqlalchemy as sa

from include.stores import warehouse
from include.stores.warehouse import TableRead
from tests import published

NIGHT, NEXT = date(2013, 2, 8), date(2013, 2, 9)


def read(night: date, version: int, product: str = "features/entities@3", table: str = "valid/rides") -> TableRead:
    return TableRead(
        use_case="taxi", night=night, stage="features", product=product, source_table=table, version=version
    )


def record(engine: sa.Engine, *nights: date, product: str = "features/entities@3", **versions: int) -> None:
    reported = {f"valid/{table}": version for table, version in versions.items()}
    warehouse.record_table_reads(engine, "taxi", nights, "features", product, reported)


def test_what_was_read_is_told_for_each_night(engine: sa.Engine) -> None:
    record(engine, NIGHT, NEXT, rides=2)
    record(engine, NEXT, traffic=-1)
    assert warehouse.table_reads(engine, "taxi", NIGHT) == (read(NIGHT, 2),)
    assert warehouse.table_reads(engine, "taxi") == (
        read(NIGHT, 2),
        read(NEXT, 2),
        read(NEXT, -1, table="valid/traffic"),
    )
    assert warehouse.table_reads(engine, "bikes") == ()


def test_another_product_is_another_fact_and_the_same_one_is_replaced(engine: sa.Engine) -> None:
    record(engine, NIGHT, rides=2)
    record(engine, NIGHT, rides=4)
    record(engine, NIGHT, rides=5, product="features/entities@4")
    assert warehouse.table_reads(engine, "taxi", NIGHT) == (
        read(NIGHT, 4),
        read(NIGHT, 5, product="features/entities@4"),
    )


@pytest.mark.parametrize(
    ("first", "second", "reported"), [(3, 5, [3, 5]), (3, 3, [3]), (None, 5, [5]), (None, None, [])]
)
def test_every_version_that_scores_of_a_night_were_computed_from_is_told(
    engine: sa.Engine, first: int | None, second: int | None, reported: list[int]
) -> None:
    for entity, version in (("a", first), ("b", second)):
        frame = pd.DataFrame({"entity": [entity], "score": [0.5]})
        published.publish(engine, "taxi", NIGHT, "m", frame, datetime(2013, 2, 8, tzinfo=UTC), version)
    assert warehouse.scored_feature_versions(engine, "taxi") == tuple((NIGHT, version) for version in reported)
