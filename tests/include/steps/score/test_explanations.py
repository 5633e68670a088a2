"""Stored explanations follow the published scores, add up to them, and say what a server says of the same rows."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from include import usecases
from include.cli import main
from include.serving import explanations as served_explanations
from include.settings import Settings
from include.steps import scoring_package
from include.steps.context import NightContext
from include.steps.features import build
from include.steps.score import explain, explanations, publication_gate, score
from include.stores import lake, ledger, warehouse
from ml.errors import LedgerError, RefusalError
from ml.rollout.routing import Routing
from ml.scoring.design import Design
from ml.scoring.network import Network
from ml.training.fitting import Model
from ml.usecase import Explanations, PublicationGate, UseCase, periods
from tests import published
from tests.challenger import challenge
from tests.include.steps.conftest import NIGHT, STEPS, WRITES, contents
from tests.killing import Killed, killed_after

Arrive = Callable[[str], Settings]
DAY = date.fromisoformat(NIGHT)
COLUMNS = {"night", "entity", "model_digest", "features_version", "rank", "feature", "contribution", "base_value", "rest", "raw"}  # fmt: skip


def declare(monkeypatch: pytest.MonkeyPatch, case: UseCase, top: int) -> UseCase:
    """Return the use case with stored explanations, which steps get too."""
    declared, by_name = replace(case, explanations=Explanations(top=top)), usecases.get
    monkeypatch.setattr(usecases, "get", lambda name: declared if name == case.name else by_name(name))
    return declared


@pytest.fixture
def explained(taxi: UseCase, monkeypatch: pytest.MonkeyPatch) -> UseCase:
    return declare(monkeypatch, taxi, 3)


def stored(settings: Settings, case: UseCase) -> pd.DataFrame:
    rows = lake.read(lake.address(settings.lake, case.name, explanations.STAGE, explanations.TABLE), NIGHT, NIGHT)
    return rows.sort_values(["entity", "model_digest", "rank"], ignore_index=True) if len(rows) else rows


def scores(settings: Settings) -> pd.DataFrame:
    return warehouse.scores(warehouse.engine(settings.warehouse_url), "taxi", DAY)


def changed_features(settings: Settings, case: UseCase, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    uri = build.address(settings.lake, case)
    lake.replace(uri, periods.parse(NIGHT), change(lake.read(uri, NIGHT, NIGHT)))


def assert_explains_the_scores(settings: Settings, case: UseCase, size: int = 3) -> None:
    """Assert that each score has `size` rows that add up to it, and that they are those of a server for the same row."""
    rows, issued = stored(settings, case), scores(settings)
    assert len(rows) == size * len(issued)
    assert set(rows.columns) == COLUMNS
    for one in issued.itertuples():
        own = rows[(rows["entity"] == one.entity) & (rows["model_digest"] == one.model_digest)]
        assert set(own["features_version"]) == {one.features_version}
        assert own["rank"].tolist() == list(range(1, size + 1))
        model = scoring_package.load(str(one.model_digest), settings).model
        features = build.read(settings.lake, case, NIGHT, NIGHT, at_version=one.features_version)
        row = explain._row(features, str(one.entity))
        (live,) = served_explanations.explain(model, model.encoder.encode_row(row), size)
        assert own["feature"].tolist() == [each.feature for each in live.contributions]
        np.testing.assert_allclose(own["contribution"], [each.contribution for each in live.contributions], atol=1e-9)
        for name in ("base_value", "rest", "raw"):
            np.testing.assert_allclose(own[name], getattr(live, name), atol=1e-9)
        first = own.iloc[0]
        assert first["base_value"] + own["contribution"].sum() + first["rest"] == pytest.approx(first["raw"], abs=1e-9)
        assert float(model.calibration.apply(first["raw"])) == pytest.approx(one.score, abs=1e-12)


def test_without_a_declaration_nothing_is_stored(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("score")
    STEPS["score"]()
    assert stored(settings, taxi).empty


def test_each_published_score_is_explained_as_a_server_explains_it(arrive: Arrive, explained: UseCase) -> None:
    settings = arrive("score")
    assert STEPS["score"]() == 60
    assert_explains_the_scores(settings, explained)


def test_an_explanation_of_more_features_than_there_are_has_all(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, case = arrive("score"), declare(monkeypatch, taxi, 1000)
    STEPS["score"]()
    assert_explains_the_scores(settings, case, len(case.feature_names))
    np.testing.assert_allclose(stored(settings, case)["rest"], 0.0, atol=1e-12)


def test_scoring_a_night_again_leaves_the_same_and_writes_nothing(arrive: Arrive, explained: UseCase) -> None:
    settings = arrive("score")
    STEPS["score"]()
    uri, left = explanations.address(NightContext.load_night("taxi", NIGHT)), contents(settings)
    version = lake.version(uri)
    STEPS["score"]()
    assert contents(settings) == left
    assert lake.version(uri) == version


@pytest.mark.usefixtures("explained")
def test_a_night_killed_after_any_write_is_explained_by_running_it_again(arrive: Arrive) -> None:
    undisturbed = arrive("score")
    with killed_after(0, WRITES) as writes:
        STEPS["score"]()
    expected = contents(undisturbed)
    assert list(expected["taxi/explanations/entities"])
    for number in range(1, len(writes) + 1):
        settings = arrive("score")
        with killed_after(number, WRITES), pytest.raises(Killed):
            STEPS["score"]()
        STEPS["score"]()
        assert contents(settings) == expected


def test_held_back_scores_are_explained_once_published_late_ones_too_and_the_scores_before_them_keep_their_explanations(
    arrive: Arrive, explained: UseCase
) -> None:
    settings = arrive("score")
    all_rows = lake.read(build.address(settings.lake, explained), NIGHT, NIGHT)
    changed_features(settings, explained, lambda rows: rows.head(40))
    with pytest.raises(RefusalError, match="are held back"):
        STEPS["score"]()
    assert stored(settings, explained).empty
    publication_gate.override("taxi", NIGHT, "ann", "the other rides are late, these are right")
    STEPS["score"]()
    before = stored(settings, explained)
    assert len(before) == 3 * 40
    changed_features(settings, explained, lambda _: all_rows.assign(kilometres=99.0))
    STEPS["score"]()
    after = stored(settings, explained)
    assert after["features_version"].nunique() == 2
    pd.testing.assert_frame_equal(after[after["entity"].isin(before["entity"])].reset_index(drop=True), before)
    assert_explains_the_scores(settings, explained)


def test_of_two_runs_at_once_the_slower_one_does_not_undo_the_faster(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    explained = declare(monkeypatch, replace(taxi, publication=PublicationGate(min_coverage=0.5)), 3)
    settings, write = arrive("score"), lake.replace
    all_rows = lake.read(build.address(settings.lake, explained), NIGHT, NIGHT)
    changed_features(settings, explained, lambda rows: rows.head(40))
    overtaken: list[str] = []

    def replace_slowly(uri: str, *rest: object) -> int:
        if explanations.STAGE in uri and not overtaken:
            overtaken.append(uri)
            write(build.address(settings.lake, explained), periods.parse(NIGHT), all_rows)
            STEPS["score"]()
            assert len(stored(settings, explained)) == 3 * 60
        return write(uri, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(lake, "replace", replace_slowly)
    STEPS["score"]()
    assert overtaken
    assert_explains_the_scores(settings, explained)


def routing(settings: Settings) -> Routing:
    promoted = ledger.champion(warehouse.engine(settings.warehouse_url), "taxi")
    assert promoted is not None
    return Routing(use_case="taxi", seq=1, champion=promoted.subject)


def test_a_night_that_was_scored_before_the_declaration_is_explained_when_it_is_scored_again(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = arrive("score")
    STEPS["score"]()
    changed_features(settings, taxi, lambda rows: rows.assign(kilometres=99.0))
    for top in (3, 2):
        case = declare(monkeypatch, taxi, top)
        STEPS["score"]()
        assert_explains_the_scores(settings, case, top)


def test_a_score_is_explained_by_the_model_that_gave_it(arrive: Arrive, explained: UseCase) -> None:
    settings = arrive("score")
    challenger = challenge(explained, "2024-03-16", settings, shifted)
    canary = replace(routing(settings), challenger=challenger, canary=0.5, release="r")
    score.score_night(NightContext.load_night("taxi", NIGHT), canary)
    assert set(scores(settings)["model_digest"]) == {canary.champion, challenger}
    assert_explains_the_scores(settings, explained)


def shifted(model: Model) -> Model:
    return replace(model, calibration=model.calibration.compensate(0.1))


def as_network(model: Model) -> Model:
    """Return a network that scores nearly 0 on the raw scale, with the same encoder."""
    features = np.zeros((2, len(model.encoder.sizes)))
    design = Design.from_features(model.encoder, features)
    width = design.matrix(features).shape[1]
    return replace(model, learner=Network(design=design, layers=((np.full((width, 1), 0.01), np.zeros(1)),)))


def test_scores_of_a_network_are_published_without_explanations_and_a_warning_says_why(
    arrive: Arrive, explained: UseCase, caplog: pytest.LogCaptureFixture
) -> None:
    settings = arrive("score")
    network = challenge(explained, "2024-03-16", settings, as_network)
    assert score.score_night(NightContext.load_night("taxi", NIGHT), replace(routing(settings), champion=network)) == 60
    assert stored(settings, explained).empty
    assert f"by package {network[:12]} are not explained: a network has no contributions" in caplog.text


def test_a_package_that_is_gone_keeps_what_was_stored_and_is_warned_of(
    arrive: Arrive, explained: UseCase, caplog: pytest.LogCaptureFixture
) -> None:
    settings = arrive("score")
    STEPS["score"]()
    before = stored(settings, explained)
    champion = routing(settings).champion
    shutil.move(settings.packages / champion, settings.packages / ".away")
    assert explanations.store(NightContext.load_night("taxi", NIGHT)) == len(before)
    pd.testing.assert_frame_equal(stored(settings, explained), before)
    assert f"by package {champion[:12]} are not explained" in caplog.text


def test_features_whose_version_is_gone_keep_what_was_stored_and_are_warned_of(
    arrive: Arrive, explained: UseCase, taxi: UseCase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = arrive("score")
    STEPS["score"]()
    before, uri = stored(settings, explained), build.address(settings.lake, explained)
    changed_features(settings, explained, lambda rows: rows.assign(kilometres=99.0))
    lake.vacuum(uri, [], 0)
    declare(monkeypatch, taxi, 2)
    explanations.store(NightContext.load_night("taxi", NIGHT))
    pd.testing.assert_frame_equal(stored(settings, explained), before)
    assert "are not explained: version" in caplog.text


def test_a_score_that_no_package_made_is_found_out(arrive: Arrive, explained: UseCase) -> None:
    settings = arrive("score")
    context = NightContext.load_night("taxi", NIGHT)
    entity = str(lake.read(build.address(settings.lake, explained), NIGHT, NIGHT)["entity"].iloc[0])
    forged = pd.DataFrame({"entity": [entity], "score": [0.999]})
    version = lake.version(build.address(settings.lake, explained))
    published.publish(
        context.engine, "taxi", DAY, routing(settings).champion, forged, explained.schedule.cutoff(DAY), version
    )
    with pytest.raises(LedgerError, match=f"the score 0.999 of '{entity}' on {NIGHT}.* was not made by package"):
        explanations.store(context)


def test_the_latest_explanations_are_written_to_a_file_beside_the_scores(
    arrive: Arrive, explained: UseCase, tmp_path: Path
) -> None:
    settings = arrive("score")
    STEPS["score"]()
    files = [str(tmp_path / name) for name in ("scores.parquet", "explanations.parquet")]
    result = CliRunner().invoke(main.app, ["scores", "taxi", "--out", files[0], "--explanations", files[1]])
    assert result.exit_code == 0, result.output
    assert f"180 rows that explain 60 of them: {files[1]}" in result.output
    written = pd.read_parquet(files[1]).sort_values(["entity", "model_digest", "rank"], ignore_index=True)
    expected = stored(settings, explained)
    pd.testing.assert_frame_equal(written[expected.columns], expected)


@pytest.mark.usefixtures("taxi")
def test_explanations_that_are_not_stored_are_not_written(arrive: Arrive, tmp_path: Path) -> None:
    arrive("score")
    STEPS["score"]()
    result = CliRunner().invoke(main.app, ["scores", "taxi", "--explanations", str(tmp_path / "e.parquet")])
    assert result.exit_code == 1
    assert "declare explanations=Explanations()" in " ".join(result.output.split())
