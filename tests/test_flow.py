"""The whole flow in one process, from files to a retraining decision, on toy use cases."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest

from include import report, usecases
from include.serving.config import ServingConfig
from include.serving.horizons import Horizons
from include.settings import Settings
from include.steps import ingest, release, train
from include.steps.context import NightContext, StepContext
from include.steps.features import build, materialize, training_set
from include.steps.ingest import intraday
from include.steps.monitor import monitor
from include.steps.score import explain, score
from include.stores import lake, ledger, packages, report_paths, table_snapshot, warehouse
from ml.errors import ApprovalError, LeakError
from ml.packaging import package_files
from ml.usecase import Live, UseCase, periods
from tests import in_process, recorded


@pytest.fixture(autouse=True)
def _probes_in_process() -> Iterator[None]:
    """A training tries its packages in this process: what a probe is, `steps/train/test_serving_trial.py` tests."""
    with in_process.probing():
        yield


def test_files_become_a_champion_that_scores_and_is_watched(home: Settings, taxi: UseCase) -> None:
    engine = warehouse.engine(home.warehouse_url)
    history, last = taxi.demo.history, str(periods.parse(taxi.demo.history).last)

    counts = ingest.ingest("taxi", history)
    assert counts["rows_in"] == counts["rows_valid"] + counts["rows_quarantined"]
    assert counts["rows_quarantined"] == 1
    assert build.build("taxi", history) == 16 * 60 - 1

    assert train.train("taxi", last, train.BOOTSTRAP)
    digest = release.run_acceptance_tests("taxi", last)
    assert digest in release.render_evidence("taxi", last)
    release.approve("taxi", last, "tech_lead", "tess", "Approve")
    with pytest.raises(ApprovalError, match="the approval of 'business_owner' is missing"):
        release.promote("taxi", last)
    release.approve("taxi", last, "business_owner", "bob", "Approve")
    assert release.promote("taxi", last) == digest

    retrained = {}
    for night in map(str, periods.parse(taxi.demo.nights)):
        ingest.ingest("taxi", night)
        build.build("taxi", night)
        assert score.score("taxi", night) == 60
        retrained[night] = monitor.measure("taxi", night)
    assert [night for night, retrain in retrained.items() if retrain] == ["2024-03-21"]

    train.train("taxi", "2024-03-21", "monitoring")
    verdict = recorded.verdicts(home, night=date(2024, 3, 21))[0]
    assert (verdict.champion, verdict.trigger) == (digest, "monitoring")
    ledger.verify(engine)


def test_a_number_is_asked_for_from_files_to_a_champion_that_is_watched(home: Settings, ferry: UseCase) -> None:
    engine = warehouse.engine(home.warehouse_url)
    history, last = ferry.demo.history, str(periods.parse(ferry.demo.history).last)
    assert ingest.ingest("ferry", history)["rows_quarantined"] == 0
    assert build.build("ferry", history) == 16 * 80

    assert train.train("ferry", last, train.BOOTSTRAP)
    digest = released("ferry", last)
    facts = package_files.facts(packages.get(home.packages, digest, home.trusted_keys))
    verdict = recorded.verdicts(home, "ferry")[0]
    assert (facts["task"]["unit"], facts["task"]["quantile"]) == ("minutes", 0.75)
    assert facts["relative_loss"] == facts["metrics"]["relative_loss"]

    retrained = {}
    for night in map(str, periods.parse(ferry.demo.nights)):
        ingest.ingest("ferry", night)
        build.build("ferry", night)
        assert score.score("ferry", night) == 80
        retrained[night] = monitor.measure("ferry", night)
    assert [night for night, retrain in retrained.items() if retrain] == ["2024-03-20", "2024-03-21"]
    measured = {each.metric for each in warehouse.metrics(engine, "ferry", date(2024, 3, 17), slice="all")}
    assert {"relative_loss", "mean_absolute_error", "bias", "calibration_gap", "saved_per_1000", "cost"} <= measured
    assert not {"log_loss", "auc", "brier", "alert_rate"} & measured

    summary = report.write(ferry, home, periods.parse(ferry.demo.nights), {})
    assert all("relative_loss" in each for each in summary.as_json()["nights"])
    pages_of_it = [
        release.render_evidence("ferry", last),
        explain.explain("ferry", "2024-03-18", "2024-03-18|0"),
        (home.reports / "index.html").read_text(),
        report_paths.model_card(home.reports, "ferry", date.fromisoformat(last)).read_text(),
        str(verdict.checks) + verdict.reason + verdict.choice,
    ]
    pattern = re.compile(r"probabilit|\brates?\b|log.loss|\bAUC\b|log-odds|\bnats\b|acted on", re.IGNORECASE)
    assert [match[0] for page in pages_of_it if (match := pattern.search(page))] == []

    train.train("ferry", "2024-03-21", "monitoring")
    refreshed = recorded.verdicts(home, "ferry", date(2024, 3, 21))[0]
    assert (refreshed.champion, refreshed.rule) == (digest, "refresh")


def test_a_feature_that_knows_the_minutes_stops_training_and_is_named(home: Settings, ferry: UseCase) -> None:
    history = ferry.demo.history
    ingest.ingest("ferry", history)
    build.build("ferry", history)
    crossings = lake.read(build.valid_address(home.lake, ferry, "crossings")).set_index("entity")["waited_minutes"]
    rows = lake.read(build.address(home.lake, ferry))
    leaking = rows.assign(tonnes=rows["entity"].map(crossings) * 2 + 1)
    lake.replace(build.address(home.lake, ferry), periods.parse(history), leaking)
    with pytest.raises(
        LeakError, match=r"the feature 'tonnes' alone predicts the label with a skill of 0\.9\d+, more than"
    ):
        train.train("ferry", "2024-03-16", train.BOOTSTRAP)
    assert recorded.verdicts(home, "ferry") == ()


def released(use_case: str, night: str) -> str:
    """Test, approve and promote the challenger of `night`, and return its digest."""
    release.run_acceptance_tests(use_case, night)
    for role, user in (("tech_lead", "tess"), ("business_owner", "bob")):
        release.approve(use_case, night, role, user, "Approve")
    return release.promote(use_case, night)


def test_months_are_nights_too_and_labels_may_come_a_month_or_two_later(home: Settings, gym: UseCase) -> None:
    engine, history = warehouse.engine(home.warehouse_url), gym.schedule.parse(gym.demo.history)
    counts = ingest.ingest("gym", str(history))
    assert counts["rows_in"] == counts["rows_valid"] == (12 + 12) * 120
    assert build.build("gym", str(history)) == 12 * 120
    assert len(warehouse.ingestions(engine, "gym", history.first, history.last)) == 2 * 12
    assert (
        sorted(
            set(
                training_set.read(
                    NightContext(case=gym, night=history.last, settings=home), table_snapshot.take(gym, home)
                ).nights
            )
        )[-1]
        == "2023-11-01"
    )
    assert train.train("gym", str(history.last), train.BOOTSTRAP)
    released("gym", str(history.last))

    retrained, matured = {}, {}
    for night in gym.schedule.nights(gym.schedule.parse(gym.demo.nights)):
        ingest.ingest("gym", str(night))
        build.build("gym", str(night))
        assert score.score("gym", str(night)) == 120
        retrained[str(night)] = monitor.measure("gym", str(night))
        known = warehouse.maturity(engine, "gym", history.first, night, gym.schedule.cutoff(night))
        matured[str(night)] = [str(each.night) for each in known if each.share >= gym.matured_share]
    assert matured["2024-01-01"] == []
    assert matured["2024-03-01"] == ["2024-01-01"]
    assert matured["2024-04-01"] == ["2024-01-01", "2024-02-01", "2024-03-01"]
    assert [night for night, retrain in retrained.items() if retrain] == ["2024-04-01", "2024-05-01"]


def test_a_live_horizon_has_a_model_of_its_own_that_is_trained_released_scored_and_measured(
    home: Settings, taxi: UseCase
) -> None:
    engine, live = warehouse.engine(home.warehouse_url), taxi.at("live")
    history, last = taxi.demo.history, str(periods.parse(taxi.demo.history).last)
    ingest.ingest("taxi", history)
    build.build("taxi", history)
    train.train("taxi", last, train.BOOTSTRAP)
    nightly = released("taxi", last)

    train.train("taxi-live", last, train.BOOTSTRAP)
    entries_of_night = ledger.entries(engine, "taxi")
    digest = released("taxi-live", last)
    assert digest != nightly
    assert ledger.entries(engine, "taxi") == entries_of_night
    assert [ledger.champion(engine, name).subject for name in ("taxi", "taxi-live")] == [nightly, digest]  # type: ignore[union-attr]
    facts = package_files.facts(packages.get(home.packages, digest, home.trusted_keys))
    assert (facts["use_case"], set(facts["feature_definitions"])) == ("taxi-live", set(live.feature_names))

    nights = [str(night) for night in periods.parse(taxi.demo.nights)]
    for night, following in itertools.pairwise(nights):
        for landed in (night, following):
            ingest.ingest("taxi", landed)
            build.build("taxi", landed)
        assert score.complete_nights("taxi", following) == following
        assert score.complete_nights("taxi-live", following) == night
        score.score("taxi-live", night)
        monitor.measure("taxi-live", night)
        scored = warehouse.scores(engine, "taxi-live", date.fromisoformat(night))
        rows = build.read(home.lake, live, night, night)
        assert set(scored["entity"]) == set(rows["entity"])
        assert (rows["cutoff"] > pd.Timestamp(taxi.schedule.cutoff(date.fromisoformat(night)))).any()
        assert warehouse.scores(engine, "taxi", date.fromisoformat(night)).empty
    measured = {each.metric for each in warehouse.metrics(engine, "taxi-live", slice="all")}
    assert {"log_loss", "auc", "calibration_gap"} <= measured
    assert train.train("taxi-live", nights[-2], "monitoring") is not None
    assert recorded.verdicts(home, "taxi-live")[-1].champion == digest
    assert len(recorded.verdicts(home, "taxi")) == 1
    ledger.verify(engine)


def test_a_third_horizon_needs_one_more_declaration_and_is_served_beside_the_others(
    home: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = Live(name="six_hours", before="pickup_at", hours=6)
    wider = replace(taxi, horizons=(*taxi.horizons, early))
    get = usecases.get
    monkeypatch.setattr(
        usecases, "get", lambda name: next((each for each in wider.models if each.name == name), None) or get(name)
    )
    history, last = taxi.demo.history, str(periods.parse(taxi.demo.history).last)
    ingest.ingest("taxi", history)
    build.build("taxi", history)
    digests = {}
    for model in wider.models:
        train.train(model.name, last, train.BOOTSTRAP)
        digests[model.name] = released(model.name, last)
    assert list(digests) == ["taxi", "taxi-live", "taxi-six_hours"]

    night = "2024-03-17"
    for step in (ingest.ingest, build.build):
        step("taxi", night)
    score.score("taxi", night)
    materialize.apply("taxi")
    materialize.materialize("taxi", night)
    rides = lake.read(lake.address(home.lake, "taxi", "valid", "bookings"), night, night)
    ride = rides.sort_values("pickup_at").iloc[len(rides) // 2]
    chosen = {}
    for hours in (7, 5, 1):
        intraday.refresh("taxi", ride["pickup_at"].to_pydatetime() - timedelta(hours=hours))
        horizons = Horizons("taxi", home, ServingConfig())
        horizons.refresh()
        model = horizons.chooser().choose(ride["entity"]).model
        chosen[hours] = (model.name, model.pool.serving.champion.digest)
        horizons.close()
    by_hours = {7: "taxi", 5: "taxi-six_hours", 1: "taxi-live"}
    assert chosen == {hours: (name, digests[name]) for hours, name in by_hours.items()}
    assert set(materialize.open_snapshot_store(StepContext.load("taxi-six_hours")).snapshot.names) == set(
        wider.at("six_hours").names_at(early)
    )
