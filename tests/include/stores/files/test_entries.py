"""Every name has one printable form, and no two entries share it."""

from hypothesis import given
from hypothesis import strategies as st

from include.stores.files import entries
from include.stores.files.entries import Entry

NAMES = st.binary(min_size=1, max_size=8).map(lambda name: name.decode("utf-8", "surrogateescape"))


@given(st.lists(NAMES, unique=True, max_size=8))
def test_every_entry_has_a_printable_name_of_its_own(names: list[str]) -> None:
    named = entries.by_name((name, Entry("1")) for name in names)
    assert len(named) == len(names)
    for name in named:
        assert entries.printable(name) == name
        name.encode()
    readable = {name for name, each in named.items() if not each.fault}
    assert readable <= set(names)


def test_a_name_that_looks_like_an_escaped_one_keeps_its_file() -> None:
    named = entries.by_name([("a\udcff", Entry("1")), ("a\\xff", Entry("2"))])
    assert {name: (each.version, bool(each.fault)) for name, each in named.items()} == {
        "a\\xff": ("2", False),
        "a\\xff'": ("1", True),
    }
