"""Labels say what the lake says last, however the files came."""

import pandas as pd
import pytest
import sqlalchemy as sa

from include.steps import ingest
from include.stores import landing, warehouse
from ml.usecase import periods
from tests.include.steps.conftest import Night

NEXT = "2024-03-18"

pytestmark = pytest.mark.parametrize("night", ["folder"], indirect=True)


def labels(night: Night, entity: str) -> list[tuple[float, str]]:
    with warehouse.engine(night.where.warehouse_url).connect() as connection:
        query = sa.text("SELECT label, landed FROM labels WHERE use_case = 'taxi' AND entity = :entity")
        return [tuple(row) for row in connection.execute(query, {"entity": entity})]


def rides(night: Night) -> list[str]:
    return night.fetch("rides.csv").decode().splitlines(keepends=True)


def entity(line: str) -> str:
    day, ride, *_ = line.split(",")
    return f"{day}|{ride}"


def test_an_outcome_that_a_correction_drops_has_no_label_any_more(night: Night) -> None:
    night.take()
    dropped = entity(rides(night)[3])
    assert len(labels(night, dropped)) == 1
    night.place.put("rides.csv", "".join(line for line in rides(night) if entity(line) != dropped).encode())
    night.take()
    assert labels(night, dropped) == []


def revise(night: Night) -> str:
    """Let the next night correct a ride of this one to an hour late, and return the ride."""
    header, line = rides(night)[0], rides(night)[3]
    names = header.strip().split(",")
    row = dict(zip(names, line.strip().split(","), strict=True)) | {"minutes_late": "60", "driver": "d1"}
    row["ended_at"] = "2024-03-17T12:00:00Z"
    place = landing.period_location(night.where.landing, "taxi", periods.parse(NEXT))
    for name in ("bookings.csv", "traffic.csv"):
        place.put(name, night.fetch(name).splitlines(keepends=True)[0])
    place.put("rides.csv", pd.DataFrame([row]).to_csv(index=False).encode())
    return entity(line)


@pytest.mark.parametrize("order", [(NEXT,), (NEXT, "2024-03-17")], ids=["in order", "the earlier night again"])
def test_the_outcome_that_became_known_last_stands(night: Night, order: tuple[str, ...]) -> None:
    night.take()
    revised = revise(night)
    for key in order:
        ingest.ingest("taxi", key)
    assert labels(night, revised) == [(1.0, NEXT)]


def test_a_withdrawn_correction_gives_the_earlier_outcome_back(night: Night) -> None:
    night.take()
    before = [entity(line) for line in rides(night)[1:]]
    revised = revise(night)
    was = labels(night, revised)
    ingest.ingest("taxi", NEXT)
    place = landing.period_location(night.where.landing, "taxi", periods.parse(NEXT))
    place.put("rides.csv", rides(night)[0].encode())
    ingest.ingest("taxi", NEXT)
    assert revised in before
    assert labels(night, revised) == was
