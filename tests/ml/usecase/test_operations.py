"""Who may ask for what by hand."""

import pytest

from ml.errors import DeclarationError, RequestError
from ml.usecase import Permission, Roles


@pytest.mark.parametrize("deed", Permission)
def test_where_nobody_is_named_everybody_may(deed: Permission) -> None:
    Roles().check_permission(deed, "anybody")


@pytest.mark.parametrize("deed", Permission)
def test_where_somebody_is_named_others_are_told_whom_to_ask(deed: Permission) -> None:
    roles = Roles(**{deed.value: ("ann", "cyd")})
    roles.check_permission(deed, "cyd")
    with pytest.raises(RequestError, match=f"{deed}: expected a request by ann or cyd, got one by 'bob'"):
        roles.check_permission(deed, "bob")
    for other in set(Permission) - {deed}:
        roles.check_permission(other, "bob")


def test_one_name_in_place_of_several_is_refused() -> None:
    with pytest.raises(DeclarationError, match="train"):
        Roles(train="ann")  # type: ignore[arg-type]
