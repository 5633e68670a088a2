"""A package that is made otherwise than its champion says in what."""

import pytest

from ml.governance import environment_diff

MADE = {"python": "3.12", "libraries": {"lightgbm": "4.5", "numpy": "2.0"}, "lock_sha256": "a"}


@pytest.mark.parametrize(
    ("now", "reported"),
    [
        ({}, ()),
        ({"libraries": {"lightgbm": "4.6", "numpy": "2.0"}, "lock_sha256": "b"}, ("lightgbm was 4.5, is 4.6",)),
        ({"python": "3.13"}, ("python was 3.12, is 3.13",)),
        ({"libraries": {"lightgbm": "4.5"}}, ("numpy 2.0 was removed",)),
        (
            {"libraries": {"lightgbm": "4.5", "numpy": "2.0", "onnx": "1.17"}},
            ("onnx 1.17 was added",),
        ),
        ({"lock_sha256": "b"}, ("the lock file changed, but no library that serving needs",)),
    ],
    ids=["the same", "a newer library", "another Python", "gone", "new", "something else"],
)
def test_each_dependency_that_changed_is_told(now: dict[str, object], reported: tuple[str, ...]) -> None:
    assert environment_diff.describe_changes(MADE, MADE | now) == reported
