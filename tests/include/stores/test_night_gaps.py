"""The nights that are due and have no run or no scores, as of a moment."""

from datetime import UTC, date, datetime, timedelta

from include.settings import Settings
from include.steps.features import build
from include.steps.ingest import ingest
from include.stores import ledger, night_gaps, warehouse
from ml.governance.ledger_entries import EntryKind, Promoted
from ml.usecase import UseCase

MOMENT = datetime(2023, 5, 2, tzinfo=UTC)


def test_gaps_between_ingested_nights_and_after_them_are_found(home: Settings, gym: UseCase) -> None:
    engine = warehouse.engine(home.warehouse_url)
    assert night_gaps.find(engine, gym, MOMENT) == night_gaps.NightGaps(without_run=(), without_scores=())
    for month in ("2023-01-01..2023-02-01", "2023-04-01"):
        ingest("gym", month)
        build.build("gym", month)
    assert night_gaps.ingested_nights(engine, gym) == {date(2023, month, 1) for month in (1, 2, 4)}
    gaps = night_gaps.find(engine, gym, MOMENT)
    assert gaps.without_run == (date(2023, 3, 1), date(2023, 5, 1))
    assert gaps.without_scores == ()  # nothing scores before the first champion
    promoted = Promoted(approved_by=(), evidence="")
    night = date(2023, 2, 1)
    ledger.append(engine, kind=EntryKind.PROMOTED, use_case="gym", night=night, subject="c", payload=promoted, key="p")
    assert night_gaps.find(engine, gym, MOMENT).without_scores == (date(2023, 4, 1),)


def test_a_night_is_due_once_its_patience_is_over(home: Settings, gym: UseCase) -> None:
    ingest("gym", "2023-04-01")
    engine, cutoff = warehouse.engine(home.warehouse_url), gym.schedule.cutoff(date(2023, 5, 1))
    before, after = (cutoff + night_gaps.GRACE + timedelta(minutes=each) for each in (-1, 1))
    assert night_gaps.find(engine, gym, before).without_run == ()
    assert night_gaps.find(engine, gym, after).without_run == (date(2023, 5, 1),)
