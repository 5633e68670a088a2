"""The CPU seconds of each test file, for `tests/durations.json`: `python -m pytest -p tests.cpu_times --record-durations`.

A file's seconds are those of its tests with their fixtures and ended child processes, in the process that ran them. What
a file is the first to import or to make for all counts as its own.
"""

import json
import resource
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest

DURATIONS = Path(__file__).with_name("durations.json")
RECORDED_SECONDS = 5  # files below it are not recorded
_SHOWN = 30


class Recorder:
    """Measures each phase of each test where it runs, and adds up per file in the process that reports."""

    def __init__(self, config: pytest.Config) -> None:
        self._config, self._last = config, 0.0
        self._tests: defaultdict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Start to count at a test's beginning."""
        self._last = _cpu_seconds()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach what a phase cost to its report, which a worker sends to the process that reports."""
        report = yield
        now = _cpu_seconds()
        report.cpu_seconds, self._last = now - self._last, now  # type: ignore[attr-defined]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a phase to its test."""
        self._tests[report.nodeid] += getattr(report, "cpu_seconds", 0.0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the sum and the most expensive tests."""
        terminalreporter.section(f"{sum(self._tests.values()):.0f} s of CPU time in tests")
        for name, seconds in sorted(self._tests.items(), key=lambda each: -each[1])[:_SHOWN]:
            terminalreporter.write_line(f"{seconds:7.2f} {name}")

    def pytest_sessionfinish(self) -> None:
        """Write the files above the limit, the most expensive first."""
        if self._config.getoption("record_durations") and not hasattr(self._config, "workerinput"):
            DURATIONS.write_text(json.dumps(durations(self._tests), indent=1) + "\n")


def durations(tests: dict[str, float]) -> dict[str, int]:
    """Return the whole seconds of each file from 5 s on, the most expensive first, of the seconds of each test."""
    files: defaultdict[str, float] = defaultdict(float)
    for name, seconds in tests.items():
        files[name.partition("::")[0]] += seconds
    expensive = sorted(files.items(), key=lambda each: (-each[1], each[0]))
    return {name: round(seconds) for name, seconds in expensive if seconds >= RECORDED_SECONDS}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the file."""
    parser.addoption("--record-durations", action="store_true", help=f"write {DURATIONS.name} from this test run")


def pytest_configure(config: pytest.Config) -> None:
    """Measure this run."""
    config.pluginmanager.register(Recorder(config))


def _cpu_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
