"""A declaration's text is that of `repr` with the names that digests were first made of."""

from dataclasses import fields

import pytest

import ml.usecase
from ml.usecase import Column, Slice, Window, identity

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
