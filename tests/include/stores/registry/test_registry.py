"""The registry on a real MLflow database, made once for the module."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas as pd
import pytest

from include.settings import Settings, load_settings, read_settings
from include.stores import ledger, registry, warehouse
from include.stores.registry import client
from include.stores.signing import dsse, model_signing
from ml.errors import DataError, LedgerError, PackageError, ScoreRequestError
from ml.governance.ledger_entries import EntryKind
from ml.packaging import package_files
from ml.training import fitting
from ml.usecase import Logistic
from tests import payloads
from tests.ml.answers import YES_OR_NO

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")  # MLflow's own

NIGHT = date(2013, 2, 8)
EXAMPLE = pd.DataFrame({"distance": [1.0, 2.0], "zone": pd.Categorical(["a", "b"]), "is_night": [True, False]})


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a prepared MLflow and a migrated warehouse; tests keep apart by use case."""
    variables = {"RATCHET_HOME": str(tmp_path_factory.mktemp("home"))}
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        variables |= {"RATCHET_WAREHOUSE_URL": server.database(), "RATCHET_MLFLOW_URL": server.database()}
    settings = read_settings(variables)
    registry.prepare(settings)
    warehouse.migrate(settings.warehouse_url)
    settings.secrets.mkdir()
    (settings.secrets / dsse.PACKAGES.key_file).write_text(dsse.new_key())
    dsse.add_trusted_key(dsse.PACKAGES, settings)
    return settings


def trained() -> fitting.Model:
    """A small real model of the example's columns."""
    days = np.repeat([f"2013-01-{day:02d}" for day in range(1, 29)], 20)
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "distance": random.random(len(days)),
            "zone": pd.Categorical(random.choice(["a", "b"], len(days))),
            "is_night": random.random(len(days)) < 0.5,
        }
    )
    labels = (random.random(len(days)) < frame["distance"].to_numpy()).astype(float)
    return fitting.fit(
        Logistic(), fitting.prepare(frame, labels, days, tuple(frame), target=YES_OR_NO, seed=1, threads=1)
    ).model


def package(answer: float) -> tuple[str, dict[str, bytes]]:
    model = str(answer).encode()
    manifest = json.dumps({"files": {"model": hashlib.sha256(model).hexdigest()}}).encode()
    return hashlib.sha256(manifest).hexdigest(), {"manifest.json": manifest, "model": model}


def register(stack: Settings, use_case: str, answer: float = 0.25) -> str:
    return registry.register(stack, use_case, *package(answer), EXAMPLE)


def promote(stack: Settings, use_case: str, answer: float, key: str) -> None:
    ledger.append(
        warehouse.engine(stack.warehouse_url),
        kind=EntryKind.PROMOTED,
        use_case=use_case,
        night=NIGHT,
        subject=package(answer)[0],
        payload=payloads.sample(EntryKind.PROMOTED),
        key=f"{use_case}/{key}",
    )


def stages(stack: Settings, use_case: str) -> dict[int, str]:
    versions = client.connect(stack).search_model_versions(f"name = '{use_case}'")
    return {int(version.version): version.tags["stage"] for version in versions}


def champion(stack: Settings, use_case: str) -> str | None:
    result = client.connect(stack).get_registered_model(use_case).aliases.get("champion")
    return None if result is None else str(result)


def test_preparing_twice_changes_nothing(stack: Settings) -> None:
    register(stack, "prepared")
    promote(stack, "prepared", 0.25, "first")
    before = stages(stack, "prepared")
    registry.prepare(stack)
    assert before
    assert stages(stack, "prepared") == before


def test_a_training_is_shown_with_its_numbers_and_pictures(stack: Settings) -> None:
    numbers = {"auc": 0.7, "unknown": None, "nan": float("nan")}
    run_id = registry.log_training(stack, "shown", NIGHT, {"leaves": 31}, numbers, {"curve.png": b"png"})
    mlflow = client.connect(stack)
    run = mlflow.get_run(run_id)
    assert (run.info.status, run.data.params, run.data.metrics) == ("FINISHED", {"leaves": "31"}, {"auc": 0.7})
    assert run.data.tags["night"] == "2013-02-08"
    assert [file.path for file in mlflow.list_artifacts(run_id)] == ["curve.png"]


def test_the_same_training_twice_is_one_run_and_another_is_another(stack: Settings) -> None:
    once, twice, other = (
        registry.log_training(stack, "twice", NIGHT, {"leaves": leaves}, {}, {}) for leaves in (31, 31, 63)
    )
    assert once == twice != other


def test_a_training_cut_off_half_way_is_completed(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = type(client.connect(stack))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(mlflow, "log_artifact", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        registry.log_training(stack, "cut", NIGHT, {"leaves": 31}, {"auc": 0.7}, {"curve.png": b"png"})
    run_id = registry.log_training(stack, "cut", NIGHT, {"leaves": 31}, {"auc": 0.7}, {"curve.png": b"png"})
    runs = client.connect(stack).search_runs([client.experiment_id(client.connect(stack), stack, "cut")])
    assert [(run.info.run_id, run.info.status) for run in runs] == [(run_id, "FINISHED")]


def test_a_package_is_registered_once_with_every_column_in_its_signature(stack: Settings) -> None:
    from mlflow.models import get_model_info

    assert register(stack, "once") == register(stack, "once") == "1"
    signature = get_model_info("models:/once/1").signature
    assert signature is not None
    columns = {column.name: str(column.type) for column in signature.inputs}
    assert columns == {"distance": "DataType.double", "zone": "DataType.string", "is_night": "DataType.boolean"}


@pytest.fixture
def trusting(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Who loads through MLflow trusts the keys of the stack."""
    monkeypatch.setenv("RATCHET_TRUSTED_KEYS", str(stack.trusted_keys))
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.mark.usefixtures("trusting")
def test_a_registered_package_gives_the_same_scores_through_mlflow(stack: Settings) -> None:
    import mlflow

    model = trained()
    packed = package_files.pack(model, EXAMPLE, {})
    signed = model_signing.sign(packed.digest, packed.files, stack)
    registry.register(stack, "answers", packed.digest, signed, EXAMPLE)
    result = mlflow.pyfunc.load_model("models:/answers/1").predict(EXAMPLE.astype({"zone": str}))
    assert result.tolist() == model.predict(EXAMPLE).tolist()


@pytest.mark.usefixtures("trusting")
def test_a_registered_package_explains_its_scores_through_mlflow(stack: Settings) -> None:
    import mlflow

    model = trained()
    packed = package_files.pack(model, EXAMPLE, {})
    signed = model_signing.sign(packed.digest, packed.files, stack)
    registry.register(stack, "explains", packed.digest, signed, EXAMPLE)
    loaded, frame = mlflow.pyfunc.load_model("models:/explains/1"), EXAMPLE.astype({"zone": str})
    result = loaded.predict(frame, params={"explain": 2})
    assert [each["score"] for each in result] == model.predict(EXAMPLE).tolist()
    for row, each in zip(EXAMPLE.astype(object).to_dict("records"), result, strict=True):
        explained = each["explanation"]
        contributions = [part["contribution"] for part in explained["contributions"]]
        assert explained["base_value"] + sum(contributions) + explained["rest"] == pytest.approx(explained["raw"])
        assert [part["value"] for part in explained["contributions"]] == [
            row[part["feature"]] for part in explained["contributions"]
        ]
        assert len(contributions) == 2
    assert loaded.predict(frame, params={"explain": 0}).tolist() == model.predict(EXAMPLE).tolist()
    for wrong in (True, -1):
        with pytest.raises((mlflow.MlflowException, ScoreRequestError), match="explain"):
            loaded.predict(frame, params={"explain": wrong})


def test_mlflow_refuses_a_package_whose_bytes_were_changed(stack: Settings) -> None:
    import mlflow

    register(stack, "changed")
    (stored,) = (stack.mlflow_artifacts / "changed").rglob("model")
    stored.write_bytes(b"0.99")
    with pytest.raises(PackageError, match="it was truncated or changed"):
        mlflow.pyfunc.load_model("models:/changed/1")


@pytest.mark.usefixtures("trusting")
def test_mlflow_refuses_a_package_that_nobody_signed(stack: Settings) -> None:
    import mlflow

    register(stack, "unsigned")
    with pytest.raises(PackageError, match="has no model.sig"):
        mlflow.pyfunc.load_model("models:/unsigned/1")


def test_nothing_is_pickled(stack: Settings) -> None:
    register(stack, "plain")
    suffixes = {path.suffix for path in (stack.mlflow_artifacts / "plain").rglob("*") if path.is_file()}
    assert not suffixes & {".pkl", ".pickle", ".joblib"}


def test_bytes_that_are_not_the_package_are_not_registered(stack: Settings) -> None:
    digest, files = package(0.25)
    with pytest.raises(PackageError, match="it was truncated or changed"):
        registry.register(stack, "wrong", digest, files | {"model": b"0.99"}, EXAMPLE)


@pytest.mark.parametrize("kind", ["int64", "object", "float32"])
def test_a_column_whose_type_mlflow_might_drop_is_refused(stack: Settings, kind: str) -> None:
    example = pd.DataFrame({"passengers": pd.Series([1, 2], dtype=kind)})
    with pytest.raises(DataError, match=f"features are float64, category or bool, .*{kind}"):
        registry.register(stack, "typed", *package(0.25), example)


def test_without_a_promotion_every_version_is_in_staging_and_no_alias_stands(stack: Settings) -> None:
    register(stack, "none")
    assert registry.sync_with_ledger(stack, "none") == ()
    assert (stages(stack, "none"), champion(stack, "none")) == ({1: "Staging"}, None)


def test_alias_and_stages_follow_promotions_and_rollbacks(stack: Settings) -> None:
    for answer in (0.1, 0.2, 0.3):
        register(stack, "follows", answer)
    promote(stack, "follows", 0.2, key="first")
    assert "the alias 'champion' was on version None, now on 2" in registry.sync_with_ledger(stack, "follows")
    assert (stages(stack, "follows"), champion(stack, "follows")) == (
        {1: "Archived", 2: "Production", 3: "Staging"},
        "2",
    )
    promote(stack, "follows", 0.3, key="second")
    registry.sync_with_ledger(stack, "follows")
    promote(stack, "follows", 0.2, key="back")
    registry.sync_with_ledger(stack, "follows")
    assert (stages(stack, "follows"), champion(stack, "follows")) == (
        {1: "Archived", 2: "Production", 3: "Archived"},
        "2",
    )
    assert registry.sync_with_ledger(stack, "follows") == ()


def test_what_was_moved_by_hand_is_moved_back_and_told(stack: Settings) -> None:
    for answer in (0.1, 0.2):
        register(stack, "moved", answer)
    promote(stack, "moved", 0.1, key="first")
    registry.sync_with_ledger(stack, "moved")
    mlflow = client.connect(stack)
    mlflow.set_registered_model_alias("moved", "champion", "2")
    mlflow.set_model_version_tag("moved", "2", "stage", "Production")
    assert registry.sync_with_ledger(stack, "moved") == (
        "version 2 was in Production, now in Staging",
        "the alias 'champion' was on version 2, now on 1",
    )


def test_an_alias_that_no_promotion_made_is_taken_away(stack: Settings) -> None:
    register(stack, "unearned")
    client.connect(stack).set_registered_model_alias("unearned", "champion", "1")
    registry.sync_with_ledger(stack, "unearned")
    assert champion(stack, "unearned") is None


def test_the_packages_that_bear_an_alias_are_told(stack: Settings) -> None:
    assert registry.aliased_digests(stack, "aliased") == set()
    register(stack, "aliased", 0.25)
    register(stack, "aliased", 0.5)
    assert registry.aliased_digests(stack, "aliased") == set()
    client.connect(stack).set_registered_model_alias("aliased", "canary", "2")
    assert registry.aliased_digests(stack, "aliased") == {package(0.5)[0]}


def test_a_champion_without_a_version_is_an_error(stack: Settings) -> None:
    promote(stack, "lost", 0.5, key="first")
    with pytest.raises(LedgerError, match="MLflow has no version of it; register it again"):
        registry.sync_with_ledger(stack, "lost")


def test_a_use_case_that_mlflow_has_never_seen_needs_nothing(stack: Settings) -> None:
    assert registry.sync_with_ledger(stack, "unseen") == ()
