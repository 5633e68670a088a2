"""The whole flow in one process: files to a retraining decision, on toys that no generic code has heard of."""

from datetime import date

import pytest

from include.settings import Settings
from include.steps import features, ingest, monitor, release, score, train, training_set
from include.stores import ledger, snapshot, warehouse
from ml import nights
from ml.errors import ApprovalError
from ml.usecase import UseCase


def test_files_become_a_champion_that_scores_and_is_watched(home: Settings, taxi: UseCase) -> None:
    engine = warehouse.engine(home.warehouse_url)
    history, last = taxi.rehearsal.history, str(nights.parse(taxi.rehearsal.history).last)

    counts = ingest.ingest("taxi", history)
    assert counts["rows_in"] == counts["rows_valid"] + counts["rows_quarantined"]
    assert counts["rows_quarantined"] == 1
    assert features.build("taxi", history) == 16 * 60 - 1

    assert train.train("taxi", last, train.BOOTSTRAP)
    digest = release.battery("taxi", last)
    assert digest in release.dossier("taxi", last)
    release.approve("taxi", last, "tech_lead", "tess", "Approve")
    with pytest.raises(ApprovalError, match="the approval of 'business_owner' is missing"):
        release.promote("taxi", last)
    release.approve("taxi", last, "business_owner", "bob", "Approve")
    assert release.promote("taxi", last) == digest

    asked = {}
    for night in map(str, nights.parse(taxi.rehearsal.nights)):
        ingest.ingest("taxi", night)
        features.build("taxi", night)
        assert score.score("taxi", night) == 60
        asked[night] = monitor.measure("taxi", night)
    assert [night for night, retrain in asked.items() if retrain] == ["2024-03-21"]

    train.train("taxi", "2024-03-21", "monitoring")
    told = ledger.entries(engine, use_case="taxi", kind="judged", night=date(2024, 3, 21))[0].payload
    assert (told["champion"], told["trigger"]) == (digest, "monitoring")
    ledger.verify(engine)


def released(use_case: str, night: str) -> str:
    """Let a challenger of `night` in and return its digest."""
    release.battery(use_case, night)
    for role, user in (("tech_lead", "tess"), ("business_owner", "bob")):
        release.approve(use_case, night, role, user, "Approve")
    return release.promote(use_case, night)


def test_months_are_nights_too_and_labels_may_come_a_month_or_two_later(home: Settings, gym: UseCase) -> None:
    engine, history = warehouse.engine(home.warehouse_url), gym.horizon.parse(gym.rehearsal.history)
    counts = ingest.ingest("gym", str(history))
    assert counts["rows_in"] == counts["rows_valid"] == (12 + 12) * 120
    assert features.build("gym", str(history)) == 12 * 120
    assert len(warehouse.ingestions(engine, "gym", history.first, history.last)) == 2 * 12
    assert sorted(set(training_set.read(gym, history.last, snapshot.take(gym, home), home).nights))[-1] == "2023-11-01"
    assert train.train("gym", str(history.last), train.BOOTSTRAP)
    released("gym", str(history.last))

    asked, matured = {}, {}
    for night in gym.horizon.nights(gym.horizon.parse(gym.rehearsal.nights)):
        ingest.ingest("gym", str(night))
        features.build("gym", str(night))
        assert score.score("gym", str(night)) == 120
        asked[str(night)] = monitor.measure("gym", str(night))
        known = warehouse.maturity(engine, "gym", history.first, night, gym.horizon.cutoff(night))
        matured[str(night)] = [str(each.night) for each in known if each.share >= gym.matured_share]
    assert matured["2024-01-01"] == []
    assert matured["2024-03-01"] == ["2024-01-01"]
    assert matured["2024-04-01"] == ["2024-01-01", "2024-02-01", "2024-03-01"]
    assert [night for night, retrain in asked.items() if retrain] == ["2024-04-01", "2024-05-01"]
