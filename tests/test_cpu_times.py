"""The recorded durations are those of whole files, and only of expensive ones."""

from tests import cpu_times


def test_the_tests_of_a_file_add_up_and_cheap_files_are_not_recorded() -> None:
    tests = {"a.py::test_x": 4.0, "b.py::test_x": 5.0, "c.py::test_x": 4.9, "a.py::test_y[a::b]": 3.4}
    assert list(cpu_times.durations(tests).items()) == [("a.py", 7), ("b.py", 5)]
