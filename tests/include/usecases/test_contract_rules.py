"""A rule of a contract that cannot be applied, or has no effect, is refused with a sentence."""

import pytest

from include.usecases import coherence
from ml.errors import DeclarationError
from ml.usecase import UseCase
from tests.cases.conftest import Variant, variant

__all__ = ["variant"]

KILOMETRES = "    kilometres: Series[float] = pa.Field(gt=0, le=100)"
ZONE = 'zone: Series[str] = pa.Field(isin=["north", "south", "harbour"])'
PICKUP = "pickup_at: Series[Instant]"
RETURNS = "expected it to return a bool, or a pd.Series of bools with a value for each row"


def check_method(body: str, decorator: str = '@pa.check("kilometres")') -> dict[str, str]:
    """Return the change of the schema that adds a check with `body` to the bookings."""
    return {KILOMETRES: f"{KILOMETRES}\n\n    {decorator}\n    def fine(cls, given):\n        {body}"}


def refusal(make: Variant, changes: dict[str, str]) -> str:
    """Return the message with which a taxi toy with a changed schema is refused; empty if it is accepted."""
    try:
        coherence.check(make("taxi", "cab", {"schema": changes}))
    except DeclarationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ({"gt=0, le=100": 'gt="0"'}, "the column 'kilometres' of table 'bookings' has the rule greater_than, which"),
        (
            {"gt=0, le=100": "str_length=3"},
            "has the rule str_length, which cannot be applied: expected one for a number",
        ),
        (
            {ZONE: "zone: Series[str] = pa.Field(le=3)"},
            "'zone' of table 'bookings' has the rule less_than_or_equal_to,",
        ),
        (
            {ZONE: "zone: Series[object] = pa.Field(gt=0)"},
            "'zone' of table 'bookings' has the rule greater_than, which",
        ),
        (
            {PICKUP: f'{PICKUP} = pa.Field(ge=pd.Timestamp("2020-01-01"))'},
            "'pickup_at' of table 'bookings' has the rule greater_than_or_equal_to, which cannot be applied: expected one",
        ),
        ({"strict = True": 'strict = True\n        unique = ["nope"]'}, "has unique=['nope'], but no column 'nope'"),
        (
            check_method("return None"),
            f"'kilometres' of table 'bookings' has the rule fine, which cannot be applied: {RETURNS}",
        ),
        (check_method("return [True] * len(given)"), RETURNS),
        (check_method("return (given > 5).to_numpy()"), RETURNS),
        (
            check_method('return "no"', "@pa.dataframe_check"),
            f"table 'bookings' has the rule fine, which cannot be applied: {RETURNS}",
        ),
        (check_method("raise SystemExit(2)"), "cannot be applied: it fails without rows with SystemExit: 2"),
        (check_method("return bool(given.iloc[0] > 0)"), "cannot be applied: it fails without rows with IndexError"),
    ],
)
def test_a_rule_that_cannot_be_applied_is_refused(variant: Variant, changes: dict[str, str], reported: str) -> None:
    assert reported in refusal(variant, changes)


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        (
            check_method("return given", '@pa.parser("kilometres")'),
            "'kilometres' of 'bookings' has a @pa.parser, which",
        ),
        (
            check_method("return given", "@pa.dataframe_parser"),
            "of the table 'bookings' has a @pa.dataframe_parser, which",
        ),
        ({"gt=0, le=100": "default=3"}, "'kilometres' of 'bookings' has a default=3, which Ratchet does not fill in"),
        (
            {"gt=0, le=100": "regex=True"},
            "'kilometres' of 'bookings' has regex=True, but Ratchet takes names as they are",
        ),
        (
            {"strict = True": "strict = True\n        ordered = True"},
            "has ordered=True, but columns of files may have any",
        ),
        (
            {KILOMETRES: f"    row: Index[int]\n{KILOMETRES}", "import Series": "import Index, Series"},
            "'Booking' of the table 'bookings' declares an Index, but rows of files have none",
        ),
    ],
)
def test_what_a_model_declares_without_effect_is_refused(
    variant: Variant, changes: dict[str, str], reported: str
) -> None:
    assert reported in refusal(variant, changes)


@pytest.mark.parametrize(
    "changes",
    [
        check_method("return given > 5"),
        check_method("return bool((given > 5).all())"),
        check_method("return given > 5", '@pa.check("kilometres", element_wise=True)'),
        check_method("return given['north'].mean() > 3", '@pa.check("kilometres", groupby="zone")'),
        check_method("return given['zone'].str.split('t').str[1].str.len().astype(int) > 0", "@pa.dataframe_check"),
        check_method("return given.notna()", "@pa.dataframe_check"),
        {"gt=0, le=100": "unique_values_eq=[3.0]"},
        {ZONE: 'zone: Series[str] = pa.Field(str_matches="^n")'},
        {PICKUP: f'{PICKUP} = pa.Field(ge=pd.Timestamp("2020-01-01", tz="UTC"))'},
        {"kilometres: Series[float]": "kilometres: Series[pd.Int64Dtype]"},
    ],
)
def test_a_rule_that_can_be_applied_is_accepted(variant: Variant, changes: dict[str, str]) -> None:
    assert refusal(variant, changes) == ""


def test_the_toys_rules_can_be_applied(taxi: UseCase, gym: UseCase, ferry: UseCase) -> None:
    for case in (taxi, gym, ferry):
        coherence.check(case)
