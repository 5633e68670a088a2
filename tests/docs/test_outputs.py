"""The output on a page is compared with the output of the command."""

import pytest

from tests.docs import outputs

PRINTED = "night  rows\n2013-02-01   2,760\n2013-02-02   2,598\n\ndone in 3.2 s\n"


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        pytest.param((), None, id="a page that shows nothing"),
        pytest.param(("night rows", "2013-02-01 2,760", "2013-02-02 2,598", "done in 3.2 s"), None, id="all lines"),
        pytest.param(("night rows", "...", "done in ... s"), None, id="anything between, and in a line"),
        pytest.param(("night rows", "..."), None, id="anything after"),
        pytest.param(("...", "2013-02-02 2,598", "..."), None, id="one line of many"),
        pytest.param(("night rows", "2013-02-01 2,761", "..."), "2013-02-01 2,761", id="another number"),
        pytest.param(("...", "done", "..."), "done", id="only the beginning of a line"),
        pytest.param(("night rows",), "2013-02-01 2,760", id="more was printed"),
        pytest.param(("...", "2013-02-02 2,598", "2013-02-01 2,760", "..."), "2013-02-01 2,760", id="another order"),
    ],
)
def test_the_first_line_that_differs(shown: tuple[str, ...], missing: str | None) -> None:
    assert outputs.difference(shown, PRINTED) == missing
