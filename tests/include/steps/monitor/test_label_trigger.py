"""Labels that land by the batch: counted, answered for once, and held against the cooldown."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from include import usecases
from include.settings import Settings
from include.steps.monitor import label_trigger
from include.stores import warehouse
from ml.errors import RequestError
from ml.governance.ledger_entries import EntryKind, LabelBatchDecided
from ml.usecase import BlackoutPeriod, UseCase
from tests import recorded

Arrive = Callable[[str], Settings]
BATCH = 1000


@pytest.fixture(autouse=True)
def in_batches(toys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy asks for batches, and may train again at once."""
    case = usecases.get("taxi")
    asking = replace(case, triggers=replace(case.triggers, label_batch=BATCH, cooldown_nights=0))
    monkeypatch.setattr(usecases, "get", lambda _: asking)


def land(settings: Settings, count: int, of: str = "late") -> int:
    """Let `count` labels land, and return how many are known then."""
    frame = pd.DataFrame(
        {
            "entity": [f"{of}-{place}" for place in range(count)],
            "night": datetime(2024, 3, 17, tzinfo=UTC).date(),
            "label": 1.0,
            "known_at": datetime(2024, 6, 1, tzinfo=UTC),
            "landed": datetime(2024, 6, 1, tzinfo=UTC).date(),
        }
    )
    engine = warehouse.engine(settings.warehouse_url)
    warehouse.record_labels(engine, "taxi", frame)
    return warehouse.count_labels(engine, "taxi")


def test_before_the_first_champion_nobody_counts(arrive: Arrive) -> None:
    arrive("train")
    assert label_trigger.count_labels("taxi") is None
    with pytest.raises(RequestError, match="no champion that has scored a night"):
        label_trigger.decide("taxi", 5)


def test_what_the_champion_learned_from_is_not_new(arrive: Arrive) -> None:
    settings = arrive("monitor")
    before = label_trigger.count_labels("taxi")
    assert before is not None
    known = land(settings, BATCH)
    after = label_trigger.count_labels("taxi")
    assert after == label_trigger.LabelCounts(known=known, baseline=before.baseline)
    assert after.new == before.new + BATCH


@pytest.mark.usefixtures("judgeable")
def test_a_batch_asks_for_training_as_of_the_last_scored_night_and_is_answered_for_once(arrive: Arrive) -> None:
    settings = arrive("monitor")
    known = land(settings, BATCH)
    engine = warehouse.engine(settings.warehouse_url)
    night = str(warehouse.last_scored_night(engine, "taxi"))
    assert [label_trigger.decide("taxi", known), label_trigger.decide("taxi", known)] == [night, night]
    (decided,) = recorded.payloads(settings, EntryKind.LABEL_BATCH_DECIDED, LabelBatchDecided)
    assert (decided.labels, decided.trigger) == (known, "label_batch")
    result = label_trigger.count_labels("taxi")
    assert result is not None
    assert result.new == 0


def test_labels_that_come_twice_or_change_are_no_new_ones(arrive: Arrive) -> None:
    settings = arrive("monitor")
    known = land(settings, BATCH)
    label_trigger.decide("taxi", known)
    assert land(settings, BATCH) == known


def test_too_few_are_told_as_too_few(arrive: Arrive) -> None:
    settings = arrive("monitor")
    result = label_trigger.count_labels("taxi")
    assert result is not None
    known = land(settings, BATCH - result.new - 1)
    assert label_trigger.decide("taxi", known) is None
    (decided,) = recorded.payloads(settings, EntryKind.LABEL_BATCH_DECIDED, LabelBatchDecided)
    assert decided.reason == "nothing fired"


def test_within_the_cooldown_nothing_is_asked_for(arrive: Arrive, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = arrive("monitor")
    asking: UseCase = usecases.get("taxi")
    patient = replace(asking, triggers=replace(asking.triggers, cooldown_nights=30))
    monkeypatch.setattr(usecases, "get", lambda _: patient)
    assert label_trigger.decide("taxi", land(settings, BATCH)) is None
    (decided,) = recorded.payloads(settings, EntryKind.LABEL_BATCH_DECIDED, LabelBatchDecided)
    assert "cooldown" in decided.reason


def test_on_quiet_nights_a_batch_is_answered_with_when_it_is_held_until(
    arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("monitor")
    asking: UseCase = usecases.get("taxi")
    quiet = (BlackoutPeriod(nights="2024-03-01..2024-04-30", why="a freeze"),)
    monkeypatch.setattr(usecases, "get", lambda _: replace(asking, triggers=replace(asking.triggers, blackouts=quiet)))
    assert label_trigger.decide("taxi", land(settings, BATCH)) is None
    (decided,) = recorded.payloads(settings, EntryKind.LABEL_BATCH_DECIDED, LabelBatchDecided)
    assert decided.throttled_until == "2024-05-01"


def test_a_use_case_that_asks_for_no_batches_is_told_how_to(arrive: Arrive, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = arrive("monitor")
    asking: UseCase = usecases.get("taxi")
    silent = replace(asking, triggers=replace(asking.triggers, label_batch=None))
    monkeypatch.setattr(usecases, "get", lambda _: silent)
    with pytest.raises(RequestError, match=r"label_batch=\.\.\."):
        label_trigger.decide("taxi", land(settings, BATCH))
