"""A model meets features only where they mean what it learned: wider tables are taken, other meanings refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest, train
from include.steps.context import StepContext
from include.steps.features import build, feature_pins, materialize, parity, snapshot_archive
from include.steps.score import score
from include.stores import lake, ledger, snapshot_store, warehouse
from ml.errors import FeatureError
from ml.usecase import AsOf, Feature, Since, UseCase, periods
from tests import recorded
from tests.include.steps.conftest import HISTORY, LAST, NIGHT

Arrive = Callable[[str], Settings]
Declare = Callable[..., UseCase]

MONDAY, LATER = "2024-03-18", "2024-03-21"
MORE = Since("rides", by=("zone",), condition="is_late", on="event_time", within_hours=48)


@pytest.fixture
def declare(taxi: UseCase, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """A function that lets the toy declare other features from now on."""

    def change(how: Callable[[tuple[Feature, ...]], tuple[Feature, ...]]) -> UseCase:
        case = replace(taxi, features=how(taxi.features))
        monkeypatch.setattr(usecases, "get", lambda name: case)
        return case

    return change


def one_more(declared: tuple[Feature, ...]) -> tuple[Feature, ...]:
    return (*declared, MORE)


def changed(declared: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """Let the look-up of traffic take older rows under the same name."""
    return tuple(replace(each, within_hours=1.5) if isinstance(each, AsOf) else each for each in declared)


def one_less(declared: tuple[Feature, ...]) -> tuple[Feature, ...]:
    return tuple(each for each in declared if not isinstance(each, AsOf))


def champion(settings: Settings) -> str:
    result = ledger.champion(warehouse.engine(settings.warehouse_url), "taxi")
    assert result is not None
    return result.subject


def test_a_champion_scores_a_night_that_has_one_feature_more(arrive: Arrive, declare: Declare) -> None:
    settings = arrive("ingest the next night")
    case = declare(one_more)
    build.build("taxi", NIGHT)
    rows = build.read(settings.lake, case, NIGHT, NIGHT)
    assert rows[MORE.outputs[0]].notna().any()
    assert score.score("taxi", NIGHT) == 60


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        pytest.param(changed, "defines congestion differently", id="another meaning"),
        pytest.param(one_less, "lacks congestion", id="one less"),
    ],
)
def test_a_champion_refuses_a_night_whose_features_are_not_its_own(
    arrive: Arrive, taxi: UseCase, declare: Declare, how: Callable[..., tuple[Feature, ...]], fault: str
) -> None:
    settings = arrive("score")
    mine, other = (
        build.service(StepContext(case=taxi, settings=settings)).name,
        build.service(StepContext(case=declare(how), settings=settings)).name,
    )
    build.build("taxi", NIGHT)
    with pytest.raises(FeatureError) as refused:
        score.score("taxi", NIGHT)
    assert str(refused.value) == (
        f"expected the feature table of {NIGHT} to have the features of {mine}, which package {champion(settings)[:12]} "
        f"pins, but it has those of {other}, which {fault}: build {NIGHT} again from the declarations of {mine}, or "
        f"release a model that was trained on {other}"
    )
    assert warehouse.scores(warehouse.engine(settings.warehouse_url), "taxi", periods.parse(NIGHT).first).empty
    declare(lambda declared: declared)
    build.build("taxi", NIGHT)
    assert score.score("taxi", NIGHT) == 60


def test_nothing_is_learned_from_nights_that_lack_a_feature_until_they_are_built_again(
    arrive: Arrive, declare: Declare
) -> None:
    arrive("ingest the next night")
    declare(one_more)
    with pytest.raises(
        FeatureError,
        match=rf"{MORE.outputs[0]}: build them again with `ratchet features build taxi {HISTORY[:10]}\.\.{NIGHT}`",
    ):
        train.train("taxi", NIGHT, "a test")
    build.build("taxi", f"{HISTORY[:10]}..{NIGHT}")
    train.train("taxi", NIGHT, "a test")


def test_a_champion_that_learned_another_meaning_cannot_be_evaluated_and_people_are_asked(
    arrive: Arrive, declare: Declare
) -> None:
    settings = arrive("ingest the next night")
    declare(changed)
    ingest.ingest("taxi", f"{MONDAY}..{LATER}")
    build.build("taxi", f"{HISTORY[:10]}..{LATER}")
    assert not train.train("taxi", LATER, "a test")
    [judged] = recorded.verdicts(settings, night=periods.parse(LATER).first)
    assert judged.outcome == "unevaluable"
    assert "defines congestion differently: " in judged.reason
    assert "under a new name" in judged.reason


def test_a_feature_is_retired_while_a_champion_needs_it_and_the_next_one_does_without(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("ingest the next night")
    old = next(each for each in taxi.features if isinstance(each, AsOf))
    case = replace(taxi, features=(*(each for each in taxi.features if each is not old), MORE), retired=(old,))
    monkeypatch.setattr(usecases, "get", lambda name: case)
    ingest.ingest("taxi", f"{MONDAY}..{LATER}")
    build.build("taxi", f"{HISTORY[:10]}..{LATER}")
    assert score.score("taxi", NIGHT) == 60
    train.train("taxi", LATER, "a test")
    [judged] = recorded.verdicts(settings, night=periods.parse(LATER).first)
    assert judged.champion == champion(settings)
    learned = set(feature_pins.from_package(str(judged.package), settings).digests)
    assert learned == (set(taxi.feature_names) | set(MORE.outputs)) - set(old.outputs)
    materialize.apply("taxi")
    materialize.override("taxi", LATER, "tess", "its scores do not matter here")
    materialize.materialize("taxi", LATER)
    assert (
        materialize.open_snapshot_store(StepContext(case=case, settings=settings), champion(settings)).refresh() is None
    )
    assert parity.check("taxi", LATER) == 0


def test_a_night_of_older_declarations_is_not_brought_online(arrive: Arrive, declare: Declare) -> None:
    settings = arrive("ingest the next night")
    case = declare(one_more)
    materialize.apply("taxi")
    with pytest.raises(FeatureError, match=f"`ratchet features build taxi {NIGHT}`"):
        materialize.materialize("taxi", NIGHT)
    assert snapshot_store.newest(snapshot_archive.folder(StepContext(case=case, settings=settings))) is None


def test_a_server_keeps_answering_from_the_snapshot_that_its_model_knows(
    arrive: Arrive, taxi: UseCase, declare: Declare
) -> None:
    settings = arrive("score")
    materialize.apply("taxi")
    materialize.materialize("taxi", LAST)
    served = materialize.open_snapshot_store(StepContext(case=taxi, settings=settings), champion(settings))
    assert served.snapshot.facts["night"] == LAST
    declare(changed)
    build.build("taxi", NIGHT)
    materialize.apply("taxi")
    materialize.override("taxi", NIGHT, "tess", "the champion cannot score it")
    materialize.materialize("taxi", NIGHT)
    assert "defines congestion differently: serve a model trained on these features" in str(served.refresh())
    assert served.snapshot.facts["night"] == LAST


def test_parity_tells_of_a_snapshot_that_the_champion_cannot_be_served_from(arrive: Arrive, declare: Declare) -> None:
    settings = arrive("score")
    declare(changed)
    build.build("taxi", NIGHT)
    materialize.apply("taxi")
    materialize.override("taxi", NIGHT, "tess", "the champion cannot score it")
    materialize.materialize("taxi", NIGHT)
    parity.check("taxi", NIGHT)
    night = periods.parse(NIGHT).first
    reported = {
        each.subject: each.message
        for each in warehouse.alerts(warehouse.engine(settings.warehouse_url), "taxi", night, night)
    }
    assert "60 absent" in reported["snapshot"]
    assert "defines congestion differently: serve a model" in reported["snapshot"]
    assert "`ratchet features build taxi 2024-03-03..2024-03-16`" in reported["training join"]


def test_parity_has_nothing_to_compare_with_a_table_of_older_declarations(arrive: Arrive, declare: Declare) -> None:
    arrive("score")
    declare(changed)
    with pytest.raises(FeatureError, match="defines congestion differently: build them again"):
        parity.check("taxi", NIGHT)


@pytest.mark.parametrize("damage", ["lost", "changed", "no JSON"])
def test_a_night_built_as_nobody_knows_any_more_is_refused(arrive: Arrive, declare: Declare, damage: str) -> None:
    settings = arrive("score")
    service = build.service(StepContext(case=declare(one_more), settings=settings))
    build.build("taxi", NIGHT)
    place = settings.feature_store / "taxi" / "services" / f"{service.name}.json"
    if damage == "lost":
        place.unlink()
    else:
        place.write_text(place.read_text().replace("congestion", "jams") if damage == "changed" else "{")
    with pytest.raises(
        FeatureError, match=f"the feature fingerprints of {service.name}, but it is not there or was changed"
    ):
        score.score("taxi", NIGHT)


def test_rows_of_an_older_home_are_refused_until_they_are_built_again(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("score")
    uri = build.address(settings.lake, taxi)
    rows = lake.read(uri, NIGHT, NIGHT).assign(feature_service=None)
    lake.replace(uri, periods.parse(NIGHT), rows)
    with pytest.raises(FeatureError, match=f"some name none: .* `ratchet features build taxi {NIGHT}`"):
        score.score("taxi", NIGHT)
    build.build("taxi", NIGHT)
    assert score.score("taxi", NIGHT) == 60


def test_a_package_says_what_its_features_meant_when_it_was_trained(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("acceptance tests")
    [digest] = [path.name for path in settings.packages.glob("[!.]*")]
    assert feature_pins.from_package(digest, settings) == feature_pins.from_service(
        build.service(StepContext(case=taxi, settings=settings))
    )
