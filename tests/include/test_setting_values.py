"""One value of a setting is parsed, or refused by a sentence that shows no password."""

from pathlib import Path

import pytest

from include import setting_values
from ml.errors import SetupError


@pytest.mark.parametrize(("given", "number"), [("1", 1), ("0009", 9), ("10", 10)])
def test_a_number_within_its_bounds_is_taken(given: str, number: int) -> None:
    assert setting_values.number("X", given, 1, 10) == number


@pytest.mark.parametrize("given", ["", "0", "11", "-1", "+1", "1_0", " 1", "1.0", "\u0661", "9" * 5000])
def test_any_other_number_is_refused(given: str) -> None:
    with pytest.raises(SetupError, match=r"^expected X to be a whole number from 1 to 10, got .{2,106}$"):
        setting_values.number("X", given, 1, 10)


@pytest.mark.parametrize("address", ["/srv/x", "x/y", "C:x", "s3://b", "s3://b/", "s3://my.bucket-1/a@b/c:d", "a b"])
def test_a_folder_or_a_bucket_is_an_address(address: str) -> None:
    setting_values.check_address("X", address)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("gs://bucket/x", "gs://bucket/x"),
        ("file:/x", "file:/x"),
        ("s3:///x", "s3:///x"),
        ("s3://b:80/x", "s3:... with a user, a password or a port, which is not shown"),
        ("s3://sekret@b/x", "s3:... with a user, a password or a port, which is not shown"),
    ],
)
def test_any_other_address_is_refused_without_its_secret(address: str, shown: str) -> None:
    with pytest.raises(SetupError) as refused:
        setting_values.check_address("X", address)
    assert str(refused.value) == f"expected X to be a folder or s3://bucket/prefix, got {shown}"


def test_a_file_is_read_without_the_white_space_around_its_text(tmp_path: Path) -> None:
    (tmp_path / "value").write_text(" sécret\r\n", encoding="utf-8")
    assert setting_values.read_file("X_FILE", tmp_path / "value") == "sécret"
