"""What a model may learn from as of a night: features of matured nights and labels known by then, from one snapshot."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest

from include.settings import Settings
from include.steps.context import NightContext
from include.steps.features import build, training_set
from include.steps.features.training_set import LabelledRows
from include.stores import lake, table_snapshot
from ml.errors import RefusalError
from ml.usecase import UseCase, periods
from tests.include.steps.conftest import HISTORY, LAST

Arrive = Callable[[str], Settings]
WHEN = periods.parse("2024-03-10").last


def read(taxi: UseCase, settings: Settings, night: date = WHEN) -> LabelledRows:
    return training_set.read(
        NightContext(case=taxi, night=night, settings=settings), table_snapshot.take(taxi, settings)
    )


def rides(taxi: UseCase, settings: Settings) -> pd.DataFrame:
    return lake.read(build.valid_address(settings.lake, taxi, "rides"))


def put(taxi: UseCase, settings: Settings, changed: pd.DataFrame) -> None:
    lake.replace(build.valid_address(settings.lake, taxi, "rides"), periods.parse(HISTORY), changed)


def test_labels_are_those_of_their_own_entities_in_order(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("train")
    rows = read(taxi, settings)
    labels = rides(taxi, settings).set_index("entity")["is_late"]
    np.testing.assert_array_equal(rows.labels, labels.loc[rows.frame["entity"]])
    assert rows.frame[["night", "entity"]].equals(rows.frame[["night", "entity"]].sort_values(["night", "entity"]))
    assert (rows.nights == rows.frame["night"]).all()


def test_of_two_labels_the_one_known_last_by_the_cutoff_counts(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("train")
    reported = rides(taxi, settings)
    first = reported[reported["ride_date"] == "2024-03-05"].iloc[[0]]
    cutoff = pd.Timestamp(taxi.schedule.cutoff(WHEN))
    before = first.assign(is_late=7.0, known_at=cutoff)
    after = first.assign(is_late=9.0, known_at=cutoff + pd.Timedelta(seconds=1))
    put(taxi, settings, pd.concat([after, reported, before]).astype(reported.dtypes))
    rows = read(taxi, settings)
    assert rows.labels[(rows.frame["entity"] == first["entity"].iloc[0]).to_numpy()].tolist() == [7.0]


@pytest.mark.parametrize(("missing", "there"), [(3, True), (4, False)], ids=["95 % known", "less than 95 % known"])
def test_a_night_is_learned_from_once_its_labels_have_matured(
    arrive: Arrive, taxi: UseCase, missing: int, there: bool
) -> None:
    settings = arrive("train")
    reported, night = rides(taxi, settings), "2024-03-05"
    of_night = read(taxi, settings).frame.query("night == @night")["entity"].sort_values()
    put(taxi, settings, reported[~reported["entity"].isin(of_night.head(missing))])
    left = (read(taxi, settings).nights == night).sum()
    assert left == (60 - missing if there else 0)


def test_what_is_written_meanwhile_is_not_learned_from(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("train")
    tables = table_snapshot.take(taxi, settings)
    before = training_set.read(NightContext(case=taxi, night=WHEN, settings=settings), tables)
    put(taxi, settings, rides(taxi, settings).assign(is_late=0.5))
    again = training_set.read(NightContext(case=taxi, night=WHEN, settings=settings), tables)
    assert again.frame.equals(before.frame)
    assert (again.labels == before.labels).all()
    assert set(read(taxi, settings).labels) == {0.5}


def test_without_anything_to_learn_from_it_is_refused(arrive: Arrive, taxi: UseCase) -> None:
    with pytest.raises(RefusalError, match="expected features and labels of taxi by 2024-03-10, found none"):
        read(taxi, arrive("ingest"))


def test_a_mask_takes_the_same_rows_of_all_three(arrive: Arrive, taxi: UseCase) -> None:
    rows = read(taxi, arrive("train"))
    mask = np.arange(len(rows.labels)) % 3 == 0
    part = rows.select(mask)
    assert part.frame["entity"].tolist() == rows.frame["entity"][mask].tolist()
    assert (part.labels.tolist(), part.nights.tolist()) == (rows.labels[mask].tolist(), rows.nights[mask].tolist())


def test_what_a_table_said_at_the_event_is_told_only_where_it_was_the_future(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("train")
    tables, last = table_snapshot.take(taxi, settings), periods.parse(LAST).last
    rows = training_set.read(NightContext(case=taxi, night=last, settings=settings), tables)
    later = training_set.lookups_at_event(taxi, rows, last, tables)["congestion"]
    bookings = (
        lake.read(build.valid_address(settings.lake, taxi, "bookings")).set_index("entity").loc[rows.frame["entity"]]
    )
    traffic = lake.read(build.valid_address(settings.lake, taxi, "traffic")).set_index(["zone", "measured_at"])[
        "congestion"
    ]
    cutoff = bookings["ride_date"].map(lambda night: pd.Timestamp(taxi.schedule.cutoff(night.date())))
    future = (bookings["pickup_at"] + pd.Timedelta(hours=1) > cutoff).to_numpy()
    expected = traffic.loc[list(zip(bookings["zone"], bookings["pickup_at"], strict=True))].to_numpy()
    assert future.sum() > 0
    np.testing.assert_array_equal(later.to_numpy()[future], expected[future])
    assert later[~future].isna().all()
