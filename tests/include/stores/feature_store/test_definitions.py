from pathlib import Path

import pytest

from include.settings import Settings
from include.stores import feature_store
from include.stores.feature_store import Service
from ml.errors import FeatureError
from ml.features import fingerprints
from ml.features.fingerprints import FeatureFingerprints

DIGESTS = {"zone": "1", "late": "2"}
SERVICE = Service(
    use_case="shop",
    view="entities",
    version=fingerprints.combined_digest(DIGESTS),
    source="somewhere",
    types={"zone": "text", "late": "number"},
    digests=DIGESTS,
)


def place(home: Settings) -> Path:
    return home.feature_store / "shop" / "services" / f"{SERVICE.name}.json"


def test_what_a_service_means_is_remembered_under_its_name(home: Settings) -> None:
    feature_store.save_definitions(home, SERVICE)
    assert feature_store.load_definitions(home, "shop", "entities", SERVICE.name) == FeatureFingerprints(
        service=SERVICE.name, digests=DIGESTS
    )


def test_what_was_written_down_is_not_written_again(home: Settings) -> None:
    feature_store.save_definitions(home, SERVICE)
    before = place(home).stat().st_mtime_ns
    feature_store.save_definitions(home, SERVICE)
    assert place(home).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "text",
    [None, "{", "[]", '{"zone": "1"}', '{"zone": "1", "late": "9"}'],
    ids=["lost", "cut", "a list", "less", "other"],
)
def test_what_is_not_what_the_name_says_is_refused(home: Settings, text: str | None) -> None:
    feature_store.save_definitions(home, SERVICE)
    place(home).unlink() if text is None else place(home).write_text(text)
    with pytest.raises(FeatureError, match=rf"{SERVICE.name}, but .* `ratchet features build shop <nights>`"):
        feature_store.load_definitions(home, "shop", "entities", SERVICE.name)
