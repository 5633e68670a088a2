from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ml.governance import hash_chain
from ml.governance.hash_chain import GENESIS, Entry

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
DRAFTS = st.builds(
    Entry,
    kind=st.text(),
    use_case=st.text(),
    night=st.none() | st.dates(),
    subject=st.text(),
    payload=st.dictionaries(st.text(), JSON, max_size=3),
    recorded_at=st.datetimes(timezones=st.just(UTC)),
    key=st.text(),
)
CHANGES: dict[str, Any] = {
    "kind": "another kind",
    "use_case": "another use case",
    "night": date(1999, 12, 31),
    "subject": "another subject",
    "payload": {"another": "payload"},
    "recorded_at": datetime(1999, 12, 31, tzinfo=UTC),
    "key": "another key",
    "seq": 99,
    "previous": "f" * 64,
    "digest": "f" * 64,
}


def chained(drafts: list[Entry]) -> list[Entry]:
    entries: list[Entry] = []
    for draft in drafts:
        entries.append(hash_chain.link(entries[-1] if entries else None, draft))
    return entries


CHAINS = st.lists(DRAFTS, min_size=1, max_size=6).map(chained)


@given(CHAINS)
def test_a_chain_as_it_was_linked_holds(entries: list[Entry]) -> None:
    assert hash_chain.verify(entries) is None


def test_an_empty_chain_holds() -> None:
    assert hash_chain.verify([]) is None


@given(CHAINS, st.data(), st.sampled_from(sorted(CHANGES)))
def test_any_edit_is_found_where_it_was_made(entries: list[Entry], data: st.DataObject, field: str) -> None:
    place = data.draw(st.integers(0, len(entries) - 1))
    edited = replace(entries[place], **{field: CHANGES[field]})
    assume(edited != entries[place])
    broken = hash_chain.verify([*entries[:place], edited, *entries[place + 1 :]])
    assert broken is not None
    assert broken.seq == place + 1


@given(CHAINS, st.data())
def test_an_edit_whose_digest_was_made_again_is_found_at_the_next_entry(
    entries: list[Entry], data: st.DataObject
) -> None:
    assume(len(entries) > 1)
    place = data.draw(st.integers(0, len(entries) - 2))
    edited = replace(entries[place], subject=entries[place].subject + "!")
    forged = replace(edited, digest=hash_chain.entry_digest(edited.previous, edited))
    broken = hash_chain.verify([*entries[:place], forged, *entries[place + 1 :]])
    assert broken is not None
    assert broken.seq == place + 2


@given(CHAINS, st.data())
def test_a_deletion_before_the_end_is_found(entries: list[Entry], data: st.DataObject) -> None:
    assume(len(entries) > 1)
    place = data.draw(st.integers(0, len(entries) - 2))
    broken = hash_chain.verify(entries[:place] + entries[place + 1 :])
    assert broken is not None
    assert broken.seq == place + 1


@given(CHAINS, st.data())
def test_a_deletion_at_the_end_is_found_by_a_digest_noted_before(entries: list[Entry], data: st.DataObject) -> None:
    left = data.draw(st.integers(0, len(entries) - 1))
    assert hash_chain.verify(entries[:left], known_digest=entries[-1].digest) is not None
    assert hash_chain.verify(entries, known_digest=entries[left].digest) is None


@given(CHAINS, st.randoms(use_true_random=False))
def test_any_other_order_is_found(entries: list[Entry], random: object) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assume([entry.seq for entry in shuffled] != [entry.seq for entry in entries])
    assert hash_chain.verify(shuffled) is not None


@given(DRAFTS, st.integers(-12, 12))
def test_the_same_moment_in_another_zone_has_the_same_digest(draft: Entry, hours: int) -> None:
    assume(datetime(2, 1, 1, tzinfo=UTC) < draft.recorded_at < datetime(9998, 1, 1, tzinfo=UTC))
    elsewhere = replace(draft, recorded_at=draft.recorded_at.astimezone(timezone(timedelta(hours=hours))))
    assert hash_chain.entry_digest(GENESIS, elsewhere) == hash_chain.entry_digest(GENESIS, draft)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_does_not_know_have_no_canonical_text(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        hash_chain.canonical_json({"value": value})


def test_the_canonical_text_does_not_depend_on_the_order_of_keys() -> None:
    assert (
        hash_chain.canonical_json({"b": 1, "a": [None, "é"]})
        == hash_chain.canonical_json({"a": [None, "é"], "b": 1})
        == '{"a":[null,"é"],"b":1}'
    )
