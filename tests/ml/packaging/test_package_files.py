import hashlib
import json
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest

from ml.errors import PackageError
from ml.packaging import package_files
from ml.packaging.package_files import MANIFEST, Package
from ml.training import fitting
from ml.training.fitting import Model
from ml.usecase import Candidate, GradientBoosting, Logistic, Text
from tests.ml.answers import YES_OR_NO

Files = Mapping[str, bytes]
CHANCE = np.random.default_rng(2)
COUNT = 240
TEXTS = (Text("note", components=2, buckets=128),)
NIGHTS = np.repeat([f"2013-01-{day:02d}" for day in range(1, 9)], COUNT // 8).astype(object)
LABELS = (CHANCE.random(COUNT) < 0.4).astype(np.float64)
FRAME = pd.DataFrame(
    {
        "zone": CHANCE.choice(["east", "wést"], COUNT),
        "miles": CHANCE.normal(size=COUNT),
        "stops": CHANCE.integers(0, 3, COUNT),
        "note": CHANCE.choice(["fog at the gate", "snöw", "on time", "crew late"], COUNT),
    }
).astype({"stops": "Int64"})
FRAME.loc[::5, ["zone", "miles", "stops", "note"]] = None
FACTS = {"use_case": "taxi", "night": "2013-01-09", "fitted": ["2013-01-01", "2013-01-08"], "log_loss": 0.5}
TREES = GradientBoosting(trees=5, leaves=4, rows_per_leaf=5)
CANDIDATES = {each.name: each for each in (Logistic(), TREES)}
BOTH = pytest.mark.parametrize("name", CANDIDATES)


def fit(candidate: Candidate, seed: int = 1, threads: int = 1) -> Model:
    return fitting.fit(
        candidate,
        fitting.prepare(FRAME, LABELS, NIGHTS, tuple(FRAME), target=YES_OR_NO, seed=seed, threads=threads, texts=TEXTS),
    ).model


MODELS = {name: fit(candidate) for name, candidate in CANDIDATES.items()}
PACKED = package_files.pack(MODELS["logistic"], FRAME, FACTS).files


@BOTH
def test_a_model_unpacked_scores_as_it_did(name: str) -> None:
    package = package_files.pack(MODELS[name], FRAME, FACTS)
    loaded = package_files.load(package.files)
    np.testing.assert_array_equal(loaded.predict(FRAME), MODELS[name].predict(FRAME))


@BOTH
def test_a_row_alone_scores_as_in_its_frame_to_the_last_bit(name: str) -> None:
    loaded = package_files.load(package_files.pack(MODELS[name], FRAME, FACTS).files)
    rows = [{str(key): value for key, value in row.items()} for row in FRAME.astype(object).to_dict("records")]
    rows = [{name: None if pd.isna(value) else value for name, value in row.items()} for row in rows]
    np.testing.assert_allclose([loaded.predict_row(row) for row in rows], loaded.predict(FRAME), rtol=0, atol=1e-15)


@BOTH
def test_another_text_is_another_score(name: str) -> None:
    model, row = MODELS[name], FRAME[FRAME["note"].notna()].head(1)
    scores = {float(model.predict(row.assign(note=note))[0]) for note in ("fog at the gate", "on time", "snöw")}
    assert len(scores) > 1


@BOTH
def test_a_model_unpacked_and_packed_again_is_the_same_package(name: str) -> None:
    package = package_files.pack(MODELS[name], FRAME, FACTS)
    assert package_files.pack(package_files.load(package.files), FRAME, FACTS) == package


@pytest.mark.parametrize(
    ("candidate", "seed", "threads"),
    [
        pytest.param(Logistic(), 1, 1, id="logistic"),
        pytest.param(Logistic(), 1, 2, id="logistic with another thread count"),
        pytest.param(TREES, 1, 1, id="trees"),
    ],
)
def test_the_same_seed_gives_the_same_package_byte_for_byte(candidate: Candidate, seed: int, threads: int) -> None:
    again = package_files.pack(fit(candidate, seed, threads), FRAME, FACTS)
    assert again == package_files.pack(MODELS[candidate.name], FRAME, FACTS)


def test_another_seed_gives_another_package() -> None:
    assert package_files.pack(fit(TREES, seed=2), FRAME, {}).digest != package_files.pack(fit(TREES), FRAME, {}).digest


def test_the_digest_is_that_of_the_manifest() -> None:
    package = package_files.pack(MODELS["logistic"], FRAME, FACTS)
    assert package.digest == hashlib.sha256(package.files[MANIFEST]).hexdigest()


def test_other_facts_are_another_package() -> None:
    model = MODELS["logistic"]
    assert (
        package_files.pack(model, FRAME, FACTS).digest
        != package_files.pack(model, FRAME, FACTS | {"night": "2013-01-10"}).digest
    )


def test_a_package_tells_where_its_model_comes_from() -> None:
    assert package_files.facts(PACKED) == FACTS


def test_a_fact_that_is_no_number_cannot_be_packed() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        package_files.pack(MODELS["logistic"], FRAME, {"log_loss": float("nan")})


def without(*names: str) -> Files:
    return {name: content for name, content in PACKED.items() if name not in names}


def edited(name: str) -> Files:
    return {**PACKED, name: PACKED[name][:-1] + bytes([PACKED[name][-1] ^ 1])}


def remanifested(change: Callable[[dict[str, object]], object], files: Files = PACKED) -> Files:
    manifest = json.loads(files[MANIFEST])
    change(manifest)
    return {**files, MANIFEST: json.dumps(manifest).encode()}


CONTENTS = [name for name in PACKED if name != MANIFEST]


@pytest.mark.parametrize(
    ("files", "reported"),
    [
        pytest.param({}, "expected a manifest.json in the package, found []", id="empty"),
        pytest.param(without(MANIFEST), "expected a manifest.json in the package, found ['calibration.json'", id="no manifest"),
        pytest.param({**PACKED, MANIFEST: b"{"}, "manifest.json: expected a JSON object, got b'{'", id="half a manifest"),
        pytest.param({**PACKED, MANIFEST: b"\xff"}, "manifest.json: expected a JSON object", id="a manifest of no text"),
        pytest.param({**PACKED, MANIFEST: b"[]"}, "manifest.json: expected a JSON object, got b'[]'", id="a manifest of a list"),
        pytest.param(remanifested(lambda m: m.update(format=2)), "expected package format 1, got 2: load it with the release that wrote it", id="a later format"),
        pytest.param(remanifested(lambda m: m.pop("format")), "expected package format 1, got None", id="no format"),
        *(pytest.param(without(name), f"{name}: expected SHA-256", id=f"no {name}") for name in CONTENTS),
        *(pytest.param(edited(name), f"{name}: expected SHA-256", id=f"a bit of {name}") for name in CONTENTS),
        *(
            pytest.param(remanifested(lambda m, name=name: m["files"].pop(name)), f"manifest.json does not list {name}", id=f"{name} unvouched")
            for name in CONTENTS
        ),
    ],
)  # fmt: skip
def test_a_damaged_package_is_refused_and_the_file_named(files: Files, reported: str) -> None:
    for read in (package_files.load, package_files.facts):
        with pytest.raises(PackageError) as refused:
            read(files)
        assert reported in str(refused.value)


@BOTH
def test_golden_rows_score_as_they_did_when_packed(name: str) -> None:
    files = package_files.pack(MODELS[name], FRAME, FACTS).files
    package_files.check_golden(package_files.load(files), files)


def test_at_most_twenty_golden_rows_are_packed() -> None:
    golden = json.loads(PACKED["golden.json"])
    assert len(golden["rows"]) == len(golden["scores"]) == 20


def test_a_package_without_golden_rows_passes() -> None:
    files = package_files.pack(MODELS["logistic"], FRAME.head(0), FACTS).files
    package_files.check_golden(package_files.load(files), files)


@pytest.mark.parametrize("off", [1e-8, 0.1, float("nan")])
def test_golden_scores_edited_under_a_mended_manifest_are_refused(off: float) -> None:
    golden = json.loads(PACKED["golden.json"])
    golden["scores"][3] += off
    content = json.dumps(golden).encode()
    files = remanifested(
        lambda m: m["files"].update({"golden.json": hashlib.sha256(content).hexdigest()}),
        {**PACKED, "golden.json": content},
    )
    with pytest.raises(PackageError, match=r"golden rows scored as a frame are off by .*: do not release"):
        package_files.check_golden(package_files.load(files), files)


def test_another_model_does_not_give_the_golden_scores() -> None:
    with pytest.raises(PackageError, match="do not release"):
        package_files.check_golden(MODELS["gradient_boosting"], PACKED)


def test_nothing_in_a_package_is_more_than_text() -> None:
    package: Package = package_files.pack(MODELS["gradient_boosting"], FRAME, FACTS)
    assert all(content.decode("utf-8") for content in package.files.values())
