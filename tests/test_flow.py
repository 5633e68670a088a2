"""The whole flow in one process: files to a retraining decision, on a toy that no generic code has heard of."""

from datetime import date

import pytest

from include.settings import Settings
from include.steps import features, ingest, monitor, release, score, train
from include.stores import ledger, warehouse
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
