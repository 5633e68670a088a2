"""A snapshot gives back, one look-up away, the features that were packed, or refuses every byte that was changed."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import SnapshotError
from ml.features import snapshots
from ml.features.snapshots import LiveFacts
from ml.scoring import manifest

FACTS = {"use_case": "taxi", "night": "2024-03-17"}
ROWS = pd.DataFrame(
    {
        "entity": ["b", "a", "c"],
        "congestion": [0.1, np.nan, -0.0],
        "zone": pd.Categorical(["north", None, "south"]),
        "hour": [1.0, 2.0, 3.0],
    }
)


def test_a_look_up_gives_back_what_was_packed() -> None:
    packed = snapshots.pack(ROWS, FACTS)
    snapshot = snapshots.load(packed.files, packed.digest)
    assert snapshot.facts == FACTS
    assert snapshot.lookup("b") == {"congestion": 0.1, "hour": 1.0, "zone": "north"}
    missing = snapshot.lookup("a")
    assert missing is not None
    assert math.isnan(missing["congestion"])  # type: ignore[arg-type]
    assert missing["zone"] is None
    assert snapshot.lookup("nobody") is None


@given(st.lists(st.tuples(st.floats(), st.none() | st.text()), max_size=5))
def test_every_number_comes_back_to_the_last_bit_and_every_text_to_the_letter(values: list[tuple[float, str]]) -> None:
    frame = pd.DataFrame(values, columns=["number", "text"]).astype({"number": float, "text": object})
    packed = snapshots.pack(frame.assign(entity=[f"e{n}" for n in range(len(frame))]), {})
    snapshot = snapshots.load(packed.files, packed.digest)
    result = [snapshot.lookup(f"e{n}") or {} for n in range(len(values))]
    assert [row["text"] for row in result] == [text for _, text in values]
    for row, (number, _) in zip(result, values, strict=True):
        np.testing.assert_array_equal(np.float64(row["number"]), number)  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_each_entity_of_a_live_horizon_has_its_cutoff_and_one_without_an_instant_has_none(unit: str) -> None:
    cutoffs = pd.Series(pd.to_datetime(["2024-03-17 12:00", None, "2024-03-17 13:30"], utc=True)).dt.as_unit(unit)
    facts = {snapshots.AS_OF: "2024-03-17T12:15:00+00:00", snapshots.HOURS: 2, snapshots.MAX_AGE_MINUTES: 60}
    packed = snapshots.pack(ROWS.assign(cutoff=cutoffs), FACTS | facts)
    snapshot = snapshots.load(packed.files, packed.digest)
    assert [snapshot.cutoff(each) for each in ("b", "a", "c", "d")] == [1710676800, None, 1710682200, None]
    assert snapshot.live == LiveFacts(as_of=1710677700, hours=2, max_age_minutes=60)
    assert "cutoff" not in snapshot.names


@pytest.mark.parametrize(("facts", "cutoff"), [({"cutoff": "2024-03-16T21:30:00+00:00"}, 1710624600), ({}, None)])
def test_all_entities_of_a_night_have_its_cutoff_if_the_snapshot_says_it(
    facts: dict[str, object], cutoff: float | None
) -> None:
    packed = snapshots.pack(ROWS, FACTS | facts)
    snapshot = snapshots.load(packed.files, packed.digest)
    assert [snapshot.cutoff(each) for each in ("a", "d")] == [cutoff, None]
    assert snapshot.live is None


def test_the_order_of_rows_does_not_change_a_byte() -> None:
    assert snapshots.pack(ROWS.sample(frac=1, random_state=1), FACTS) == snapshots.pack(ROWS, FACTS)


def test_without_texts_or_entities_there_is_still_a_snapshot() -> None:
    packed = snapshots.pack(ROWS[["entity", "hour"]].head(0), FACTS)
    assert snapshots.load(packed.files, packed.digest).lookup("a") is None


def test_an_entity_with_two_rows_is_refused() -> None:
    with pytest.raises(SnapshotError, match="one row for each entity, but 'a' has more"):
        snapshots.pack(ROWS.assign(entity=["a", "a", "b"]), FACTS)


@pytest.mark.parametrize("name", sorted(snapshots.pack(ROWS, FACTS).files))
def test_any_changed_byte_of_any_file_is_refused(name: str) -> None:
    packed = snapshots.pack(ROWS, FACTS)
    for place in range(len(packed.files[name])):
        content = bytearray(packed.files[name])
        content[place] ^= 1
        with pytest.raises(SnapshotError, match=rf"{name}: expected SHA-256 .* do not serve it"):
            snapshots.load({**packed.files, name: bytes(content)}, packed.digest)


@pytest.mark.parametrize("name", sorted(snapshots.pack(ROWS, FACTS).files))
def test_a_file_that_is_missing_is_refused(name: str) -> None:
    packed = snapshots.pack(ROWS, FACTS)
    files = {other: content for other, content in packed.files.items() if other != name}
    with pytest.raises(SnapshotError, match=f"{name}: expected SHA-256 .*, got no such file"):
        snapshots.load(files, packed.digest)


def test_a_file_that_nobody_promised_is_refused() -> None:
    packed = snapshots.pack(ROWS, FACTS)
    with pytest.raises(SnapshotError, match="extra: expected SHA-256 no such file"):
        snapshots.load({**packed.files, "extra": b""}, packed.digest)


def test_another_format_is_refused() -> None:
    packed = snapshots.pack(ROWS, FACTS)
    reported = json.dumps(json.loads(packed.files["manifest.json"]) | {"format": 2}).encode()
    with pytest.raises(SnapshotError, match="expected snapshot format 1, got 2"):
        snapshots.load({**packed.files, "manifest.json": reported}, manifest.sha256(reported))
