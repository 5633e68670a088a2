"""Who may ask for what by hand."""

import pytest

from ml.errors import DeclarationError, RequestError
from ml.usecase import Deed, Roles


@pytest.mark.parametrize("deed", Deed)
def test_where_nobody_is_named_everybody_may(deed: Deed) -> None:
    Roles().allow(deed, "anybody")


@pytest.mark.parametrize("deed", Deed)
def test_where_somebody_is_named_others_are_told_whom_to_ask(deed: Deed) -> None:
    roles = Roles(**{deed.value: ("ann", "cyd")})
    roles.allow(deed, "cyd")
    with pytest.raises(RequestError, match=f"{deed}: expected to be asked by ann or cyd, not by 'bob'"):
        roles.allow(deed, "bob")
    for other in set(Deed) - {deed}:
        roles.allow(other, "bob")


def test_one_name_in_place_of_several_is_refused() -> None:
    with pytest.raises(DeclarationError, match="train"):
        Roles(train="ann")  # type: ignore[arg-type]
