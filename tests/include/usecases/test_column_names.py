"""A column that the platform would overwrite, mistake for another or miss is refused with a sentence."""

import re

import pytest

from include.usecases import coherence
from ml.errors import DeclarationError
from tests.cases.conftest import Variant, variant

__all__ = ["variant"]

KILOMETRES = "    kilometres: Series[float] = pa.Field(gt=0, le=100)"
FUNCTIONS = "def is_evening("


def refusal(make: Variant, changes: dict[str, dict[str, str]]) -> str:
    """Return the message with which a changed copy of the taxi toy is refused; empty if it is accepted."""
    try:
        coherence.check(make("taxi", "cab", changes))
    except DeclarationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("night", "table 'bookings' has a column 'night', but Ratchet writes the night that a row belongs to under"),
        ("known_at", "table 'bookings' has a column 'known_at', but Ratchet writes the instant at which a row became"),
        (
            "entity",
            "table 'bookings' has a column 'entity', but Ratchet writes the id of a row's entity under that name",
        ),
        ("reasons", "table 'bookings' has a column 'reasons', but Ratchet writes the reasons why a row is quarantined"),
        ("Night", "has a column 'Night', but Ratchet writes the night"),
        ("ENTITY", "has a column 'ENTITY', but Ratchet writes the id"),
        ("Zone", "the columns 'Zone' and 'zone' of table 'bookings' differ only in upper and lower case"),
    ],
)
def test_a_column_that_would_be_overwritten_or_mistaken_is_refused(variant: Variant, name: str, reported: str) -> None:
    line = f"{KILOMETRES}\n    extra: Series[float] = pa.Field(alias={name!r})"
    assert reported in refusal(variant, {"schema": {KILOMETRES: line}})


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("night", "table 'rides' has a column 'night', but Ratchet writes the night"),
        ("known_at", "table 'rides' has a column 'known_at', but Ratchet writes the instant"),
        ("entity", "table 'rides' has a column 'entity', but Ratchet writes the id"),
        ("zone", "table 'rides' derives 'zone', which is a column of its schema and would be overwritten"),
        ("Zone", "the columns 'zone' and 'Zone' of table 'rides' differ only in upper and lower case"),
    ],
)
def test_a_derived_column_that_would_overwrite_another_is_refused(variant: Variant, name: str, reported: str) -> None:
    function = f"def {name}(minutes_late: pd.Series) -> pd.Series:\n    return minutes_late\n\n\n{FUNCTIONS}"
    derived = {'derived=("is_late",)': f'derived=("is_late", {name!r})'}
    assert reported in refusal(variant, {"usecase": derived, "features": {FUNCTIONS: function}})


def test_a_night_column_that_has_the_name_of_the_platforms_is_refused(variant: Variant) -> None:
    renamed = {"ride_date": "night"}
    assert "has a column 'night', but Ratchet" in refusal(variant, {"schema": renamed, "usecase": renamed})


def test_the_column_that_says_when_a_row_became_known_may_be_called_known_at(variant: Variant) -> None:
    renamed = {"ended_at": "known_at"}
    declared = {'"ended_at"': '"known_at"'}
    assert refusal(variant, {"schema": renamed, "usecase": declared}) == ""


def test_a_table_without_the_entity_key_may_have_a_column_entity(variant: Variant) -> None:
    line = "    congestion: Series[float] = pa.Field(ge=0, le=1)"
    assert refusal(variant, {"schema": {line: f"{line}\n    entity: Series[str]"}}) == ""


@pytest.mark.parametrize("declared", ["Series[pd.Timestamp] = pa.Field(nullable=True)", "Series[pd.Timestamp] | None"])
def test_a_night_that_may_be_missing_is_refused(variant: Variant, declared: str) -> None:
    changed = {"ride_date: Series[pd.Timestamp]": f"ride_date: {declared}"}
    message = refusal(variant, {"schema": changed})
    assert re.search("'ride_date' of table 'bookings' gives the night of a row and may be missing", message)
