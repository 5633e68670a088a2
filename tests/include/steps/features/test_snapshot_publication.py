"""Servers answer from the newest night whose scores were published, unless a person withdrew it or let another through."""

from collections.abc import Callable
from datetime import date

import pytest

from include.settings import Settings
from include.steps.context import StepContext
from include.steps.features import build, materialize, snapshot_archive
from include.stores import lake, ledger, snapshot_store, warehouse
from include.stores.snapshot_store import SnapshotCache
from include.stores.warehouse import Alert
from ml.errors import RequestError, SnapshotError
from ml.features import snapshots
from ml.governance.ledger_entries import EntryKind
from ml.usecase import UseCase
from tests.include.steps.conftest import LAST, NIGHT

Arrive = Callable[[str], Settings]
SCORED, UNSCORED = "ingest the next night", "score"
TO_COME = "2031-03-03"
WHY = "to see that it is recorded"


def server(settings: Settings, taxi: UseCase) -> SnapshotCache:
    return materialize.open_snapshot_store(StepContext(case=taxi, settings=settings))


def arrived(arrive: Arrive, step: str) -> Settings:
    settings = arrive(step)
    materialize.apply("taxi")
    return settings


def hold_back(settings: Settings, night: str) -> None:
    alert = Alert(
        use_case="taxi", night=date.fromisoformat(night), kind=warehouse.HELD_BACK, subject="scores", message="odd"
    )
    warehouse.raise_alert(warehouse.engine(settings.warehouse_url), alert)


def put(settings: Settings, taxi: UseCase, night: str) -> None:
    """Store the snapshot of a night as an earlier release did, without a look at its scores."""
    rows = build.read(settings.lake, taxi, NIGHT, NIGHT)[["entity", *taxi.feature_names]]
    folder = snapshot_archive.folder(StepContext(case=taxi, settings=settings))
    snapshot_store.put(folder, night, snapshots.pack(rows, {"night": night}))


def test_a_night_without_scores_is_not_served_until_a_person_lets_it_through(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrived(arrive, UNSCORED)
    with pytest.raises(RequestError, match=f"expected a night with published scores, got {NIGHT}"):
        materialize.materialize("taxi", NIGHT)
    with pytest.raises(RequestError, match="needs a name and"):
        materialize.override("taxi", NIGHT, "tess", "please")
    materialize.override("taxi", NIGHT, "tess", WHY)
    assert materialize.materialize("taxi", NIGHT) == 60
    assert server(settings, taxi).snapshot.facts["night"] == NIGHT


def test_a_night_whose_scores_are_held_back_is_not_served_even_on_request(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrived(arrive, SCORED)
    hold_back(settings, NIGHT)
    for publish in (materialize.materialize, lambda *name: materialize.override(*name, "tess", WHY)):
        with pytest.raises(RequestError, match=f"the scores of {NIGHT} are held back"):
            publish("taxi", NIGHT)
    assert snapshot_store.nights(snapshot_archive.folder(StepContext(case=taxi, settings=settings))) == ()


def test_a_night_to_come_that_an_earlier_release_published_gives_way_to_the_newest_issued_night(
    arrive: Arrive, taxi: UseCase
) -> None:
    settings = arrived(arrive, SCORED)
    put(settings, taxi, TO_COME)
    assert server(settings, taxi).snapshot.facts["night"] == TO_COME
    materialize.materialize("taxi", NIGHT)
    assert server(settings, taxi).snapshot.facts["night"] == NIGHT


def test_a_withdrawn_night_is_not_served_and_comes_back_only_on_request(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrived(arrive, SCORED)
    materialize.materialize("taxi", NIGHT)
    running = server(settings, taxi)
    assert running.refresh() is None
    assert materialize.withdraw("taxi", NIGHT, "tess", WHY) == LAST
    assert running.refresh() is None
    assert running.snapshot.facts["night"] == LAST
    assert materialize.withdraw("taxi", NIGHT, "tess", WHY) == LAST
    with pytest.raises(RequestError, match=r"was withdrawn \(entry \d+ of the ledger\)"):
        materialize.materialize("taxi", NIGHT)
    materialize.override("taxi", NIGHT, "tess", WHY)
    materialize.materialize("taxi", NIGHT)
    assert running.refresh() is None
    assert running.snapshot.facts["night"] == NIGHT
    engine = warehouse.engine(settings.warehouse_url)
    kinds = [EntryKind.SNAPSHOT_WITHDRAWN, EntryKind.SNAPSHOT_OVERRIDDEN]
    assert [each.kind for each in ledger.entries_of_kinds(engine, "taxi", kinds)] == kinds


def test_when_the_only_snapshot_is_withdrawn_the_server_answers_from_none(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrived(arrive, SCORED)
    materialize.materialize("taxi", NIGHT)
    running = server(settings, taxi)
    assert running.refresh() is None
    monkeypatch.setattr(lake, "nights", lambda uri: [])
    assert materialize.withdraw("taxi", NIGHT, "tess", WHY) is None
    assert "there is no snapshot" in str(running.refresh())
    with pytest.raises(SnapshotError, match="there is no snapshot"):
        _ = running.snapshot


def test_a_night_without_a_snapshot_cannot_be_withdrawn(arrive: Arrive) -> None:
    arrived(arrive, SCORED)
    materialize.materialize("taxi", NIGHT)
    with pytest.raises(RequestError, match=f"got {LAST}: servers have {NIGHT}"):
        materialize.withdraw("taxi", LAST, "tess", WHY)
