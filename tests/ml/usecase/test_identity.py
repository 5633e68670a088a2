"""A declaration's text is that of `repr` with the names that digests were first made of."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

import ml.usecase
from ml.usecase import Column, Slice, UseCase, Window, identity

DECLARED = {
    name: kind
    for name, kind in vars(ml.usecase).items()
    if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__")
}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param((), "()", id="nothing"),
        pytest.param((1,), "(1,)", id="one value"),
        pytest.param(("a", None, 0.5), "('a', None, 0.5)", id="plain values"),
        pytest.param([Slice(feature="by")], "[Slice(by='by', least_rows=400)]", id="a renamed field"),
        pytest.param(
            Window("rides", column="is_late", how="mean", days=(7,)),
            "Window(table='rides', of='is_late', how='mean', days=(7,), hours=(), by=(), on='known_at', shrinkage=0.0)",
            id="a window",
        ),
    ],
)
def test_a_declaration_reads_as_when_digests_were_first_stored(value: object, text: str) -> None:
    assert identity.text(value) == text


def test_what_was_never_renamed_reads_as_its_repr() -> None:
    column = Column("kilometres")
    assert identity.text(column) == repr(column)


@pytest.mark.parametrize("name", identity._FIELDS)
def test_every_renamed_field_is_one_of_its_class_today(name: str) -> None:
    assert set(identity._FIELDS[name]) <= {each.name for each in fields(DECLARED[name])}


FIRST_FIELDS: dict[str, list[str]] = json.loads(Path(__file__).with_name("first_fields.json").read_text())


@pytest.mark.parametrize("name", FIRST_FIELDS)
def test_a_field_of_a_later_release_is_left_out_while_it_has_its_default(name: str) -> None:
    """Otherwise an upgrade would change the digest of every recipe, and the next refresh would count as a change."""
    kind = DECLARED[name]
    left_out = identity._LATER_FIELDS.get(name, frozenset()) | identity._OMITTED.get(name, frozenset())
    assert {each.name for each in fields(kind)} - left_out == set(FIRST_FIELDS[name])


def test_a_later_field_counts_once_it_is_declared(taxi: UseCase) -> None:
    assert "adoption" not in identity.text(replace(taxi, adoption=UseCase.__dataclass_fields__["adoption"].default))
    assert "adoption=None" in identity.text(replace(taxi, adoption=None))
