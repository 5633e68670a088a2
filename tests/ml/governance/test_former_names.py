"""What an older release wrote into the ledger is read under the names of today."""

import pytest

from ml.governance import former_names
from ml.governance.ledger_entries import EntryKind


def test_no_former_name_is_a_name_of_today() -> None:
    assert not set(former_names.KINDS) & set(EntryKind)


@pytest.mark.parametrize("former", former_names.KINDS)
def test_the_former_names_of_a_kind_and_the_kind_of_a_former_name_agree(former: str) -> None:
    assert former in former_names.former(former_names.KINDS[former])


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        pytest.param("rolled_back", {"from": "b", "who": "t"}, ("rolled_back", {"from_package": "b", "who": "t"}), id="a field"),
        pytest.param("withdrawn", {"from": "b", "who": "t"}, ("aborted", {"who": "t"}), id="what only repeated the subject"),
        pytest.param("tested", {"checks": [{"answer": "pass"}]}, ("acceptance_tested", {"checks": [{"status": "pass"}]}), id="checks"),
        pytest.param("parity", {"ways": {"snapshot": {"differ": {"by": 1}}}}, ("parity", {"sources": {"snapshot": {"different": {"by": 1}}}}), id="a feature that is named as a former field"),
        pytest.param("judged", {"bar": "alone"}, ("judged", {"rule": "champion_unavailable"}), id="a value"),
        pytest.param("judged", {"judged": {"count": 7}}, ("judged", {"evaluation": {"night_count": 7}}), id="what lies inside"),
        pytest.param("decided", {"findings": [{"state": "quiet"}]}, ("retraining_decided", {"findings": [{"state": "not fired"}]}), id="a state"),
        pytest.param("unheard_of", {"answer": 1}, ("unheard_of", {"answer": 1}), id="an unknown kind is left as it is"),
    ],
)  # fmt: skip
def test_an_entry_is_translated(kind: str, payload: dict[str, object], expected: tuple[str, dict[str, object]]) -> None:
    assert former_names.translate(kind, payload) == expected


@pytest.mark.parametrize(
    ("today", "former"),
    [
        ("taxi:acceptance_tested:2024-03-17:0af3:1", "taxi:tested:2024-03-17:0af3:1"),
        ("taxi:frozen:a:b:tess:unfrozen", "taxi:frozen:a:b:tess:thawed"),
        ("taxi:promoted:after:0", "taxi:promoted:after:0"),
        ("approval/taxi/2024-03-17/0af3/e/tech_lead", "approval/taxi/2024-03-17/0af3/e/tech_lead"),
    ],
)
def test_a_key_is_found_as_it_was_spelt(today: str, former: str) -> None:
    assert former_names.key(today) == former
