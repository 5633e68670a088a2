"""A model that learns from served features is trained on what its answers were computed from, and on nothing else."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from include import usecases
from include.settings import Settings
from include.steps import train
from include.steps.context import StepContext
from include.steps.features import snapshot_archive, training_set
from include.steps.features.training_set import LabelledRows
from include.steps.ingest import intraday
from include.steps.score import prediction_log
from include.stores import ledger, snapshot_store, table_snapshot, warehouse
from include.stores.request_log import RequestLog
from include.stores.table_snapshot import TableSnapshot
from ml.features.snapshots import FeatureSnapshot
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, Verdict
from ml.training import recipes
from ml.usecase import Live, UseCase, periods
from tests.include.steps.conftest import NIGHT, STEPS
from tests.include.steps.score.test_prediction_log import record

Arrive = Callable[[str], Settings]
FOLLOWING = periods.parse("2024-03-18").last


def learning_from_served(case: UseCase) -> UseCase:
    lives = (replace(each, learn_from="served") for each in case.lives)
    return replace(case, horizons=(case.schedule, *lives)).at("live")


@pytest.fixture
def settings(arrive: Arrive) -> Settings:
    """A home with two nights since the history, and a live snapshot of the evening of the first."""
    settings = arrive("score")
    intraday.refresh("taxi", datetime(2024, 3, 17, 21, 15, tzinfo=UTC))
    STEPS["ingest the next night"]()
    STEPS["features of the next night"]()
    return settings


@pytest.fixture
def live(settings: Settings, taxi: UseCase, monkeypatch: pytest.MonkeyPatch) -> UseCase:
    case = learning_from_served(taxi)
    get = usecases.get
    monkeypatch.setattr(usecases, "get", lambda name: case if name == case.name else get(name))
    return case


def served(case: UseCase, settings: Settings) -> tuple[str, FeatureSnapshot]:
    root = snapshot_archive.folder(StepContext(case=case, settings=settings))
    reference = snapshot_store.newest(root)
    assert reference is not None
    return reference.folder, snapshot_store.read(root, reference)


def log(case: UseCase, settings: Settings, answers: Iterable[dict[str, Any]]) -> None:
    log = RequestLog(settings.prediction_log / case.name, 4_000_000)
    for number, fields in enumerate(answers):
        log.append(record(str(number), **({"night": NIGHT} | fields)))
    prediction_log.collect(case.name)
    log.close()


def read(case: UseCase, settings: Settings, tables: TableSnapshot | None = None) -> LabelledRows:
    context = StepContext(case=case, settings=settings).at(FOLLOWING)
    return training_set.read(context, tables or table_snapshot.take(case, settings))


def differences(one: LabelledRows, other: LabelledRows) -> dict[str, set[str]]:
    """Return the entities whose value differs, by feature."""
    result = {}
    for name in one.frame.columns:
        same = (one.frame[name].astype(object) == other.frame[name].astype(object)) | (
            one.frame[name].isna() & other.frame[name].isna()
        )
        if not same.all():
            result[name] = set(one.frame.loc[~same, "entity"])
    return result


def test_answers_from_unchanged_snapshots_change_nothing(settings: Settings, taxi: UseCase, live: UseCase) -> None:
    name, snapshot = served(live, settings)
    log(live, settings, ({"entity": e, "snapshot": name, "features": snapshot.lookup(e)} for e in snapshot.row_index))
    rows = read(live, settings)
    assert differences(rows, read(taxi.at("live"), settings)) == {}
    pd.testing.assert_frame_equal(rows.frame, read(taxi.at("live"), settings).frame, check_categorical=False)


def test_what_was_served_or_sent_takes_the_place_of_what_was_built(
    settings: Settings, taxi: UseCase, live: UseCase
) -> None:
    name, snapshot = served(live, settings)
    first, second, third, *_ = snapshot.row_index
    features = {each: dict(snapshot.lookup(each) or {}) for each in (first, second, third)}
    answers = [
        {"entity": first, "snapshot": name, "features": features[first] | {"congestion": 0.125}, "at": 2e9},
        {"entity": first, "snapshot": name, "features": features[first] | {"congestion": 9.0}, "at": 1e9},
        {"entity": second, "snapshot": name, "sent": ["zone"], "features": features[second] | {"zone": "moon"}},
        {"entity": third, "snapshot": name, "features": features[third] | {"kilometres": None}},
    ]
    log(live, settings, answers)
    rows, built = read(live, settings), read(taxi.at("live"), settings)
    assert differences(rows, built) == {"congestion": {first}, "zone": {second}, "kilometres": {third}}
    by_entity = rows.frame.set_index("entity")
    assert by_entity.loc[first, "congestion"] == 0.125
    assert by_entity.loc[second, "zone"] == "moon"
    assert pd.isna(by_entity.loc[third, "kilometres"])
    assert rows.frame["kilometres"].dtype == "float64"
    assert rows.labels.tolist() == built.labels.tolist()


def test_a_looked_up_feature_that_is_declared_otherwise_now_and_a_snapshot_without_a_record_are_not_used(
    settings: Settings, taxi: UseCase, live: UseCase
) -> None:
    name, snapshot = served(live, settings)
    first, second, *_ = snapshot.row_index
    record_, *_ = warehouse.snapshot_records(StepContext(case=live, settings=settings).engine, live.name, name)
    old = record_.manifest.replace('"congestion":"', '"congestion":"0')
    warehouse.record_snapshot(
        StepContext(case=live, settings=settings).engine, live.name, "old.1", night=record_.night, manifest=old
    )
    other = {
        each: dict(snapshot.lookup(each) or {}) | {"congestion": 7.0, "kilometres": 1.5} for each in (first, second)
    }
    log(
        live,
        settings,
        [
            {"entity": first, "snapshot": "old.1", "features": other[first]},
            {"entity": second, "snapshot": "unknown.2", "features": other[second]},
        ],
    )
    assert differences(read(live, settings), read(taxi.at("live"), settings)) == {"kilometres": {first}}


def test_the_log_is_read_at_the_version_that_the_training_pinned(settings: Settings, live: UseCase) -> None:
    name, snapshot = served(live, settings)
    first, *_ = snapshot.row_index
    answer = {"entity": first, "snapshot": name, "features": dict(snapshot.lookup(first) or {}) | {"congestion": 0.125}}
    log(live, settings, [answer])
    tables = table_snapshot.take(live, settings)
    before = read(live, settings, tables)
    assert "answers/rest" in tables.versions
    log(live, settings, [answer | {"at": 3e9, "features": answer["features"] | {"congestion": 9.0}}])
    pinned = table_snapshot.take(live, settings, tables.versions)
    pd.testing.assert_frame_equal(read(live, settings, pinned).frame, before.frame)
    assert read(live, settings).frame.set_index("entity").loc[first, "congestion"] == 9.0


def test_a_training_learns_from_answers_and_its_verdict_pins_the_log(settings: Settings, live: UseCase) -> None:
    name, snapshot = served(live, settings)
    log(live, settings, ({"entity": e, "snapshot": name, "features": snapshot.lookup(e)} for e in snapshot.row_index))
    train.train(live.name, str(FOLLOWING), train.BOOTSTRAP)
    (judged,) = ledger.entries(
        StepContext(case=live, settings=settings).engine, use_case=live.name, kind=EntryKind.JUDGED
    )
    assert ledger_entries.read(judged, Verdict).table_versions["answers/rest"] >= 0


def test_it_is_another_recipe_and_the_default_is_the_recipe_that_it_was(taxi: UseCase) -> None:
    candidate = taxi.candidates[0]
    assert recipes.digest(learning_from_served(taxi), candidate, {}) != recipes.digest(taxi.at("live"), candidate, {})
    live = replace(taxi, learn_from="served").at("live")
    assert live.learn_from == "served"
    assert isinstance(live.horizon, Live)
    assert live.horizon.learn_from is None
