"""The page of the benchmarks has every figure beside its bar, and says plainly which bars are missed."""

import json
import tomllib
from pathlib import Path

import pytest

from include.cli.docs import benchmark_tables
from include.settings import PROJECT

BENCH = PROJECT / "bench"
GROUPS = tomllib.loads((BENCH / "bars.toml").read_text())["group"]
BARS = """
[[group]]
title = "Speed"
about = "How fast."
result = "speed"
figures = [
  { name = "fast", path = ["a", 0], at_most = 2 },
  { name = "slow", path = ["a", 1], at_most = 2 },
  { name = "shown", path = ["a", 1] },
  { name = "never seen", path = ["outcomes", "worse"], at_most = 0.05 },
  { name = "large", path = ["large"], at_least = 1000 },
  { name = "new", path = ["new"], at_least = 1 },
]

[[group]]
title = "Later"
about = "Not yet."
result = "later"
figures = [{ name = "size", path = ["size"], at_most = 1 }]
"""


@pytest.fixture
def page(tmp_path: Path) -> str:
    (tmp_path / "results").mkdir()
    (tmp_path / "bars.toml").write_text(BARS)
    (tmp_path / "results/speed.json").write_text(json.dumps({"a": [1.5, 2.51], "outcomes": {}, "large": 1234}))
    return benchmark_tables.page(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "| fast | 1.5 | at most 2 | met |",
        "| slow | 2.51 | at most 2 | **missed** |",
        "| shown | 2.51 |  |  |",
        "| never seen | 0 | at most 0.05 | met |",
        "| large | 1,234 | at least 1,000 | met |",
        "| new |  | at least 1 | not measured |",
        "| size |  | at most 1 | not measured |",
    ],
)
def test_a_figure_stands_beside_its_bar(page: str, line: str) -> None:
    assert f"\n{line}\n" in page


def test_missed_bars_are_listed_first(page: str) -> None:
    assert (
        "3 bars are met, 1 are missed, 2 are not measured.\n\nMissed bars:\n\n* Speed, slow: 2.51, bar at most 2\n"
        in page
    )
    assert "There is no result yet: `python -m bench later` measures it." in page


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group["result"])
def test_every_figure_of_a_stored_result_is_found(group: dict[str, object]) -> None:
    result = BENCH / f"results/{group['result']}.json"
    assert (BENCH / f"{group['result']}.py").exists()
    if result.exists():
        page = benchmark_tables.page(BENCH).partition(f"## {group['title']}\n")[2].partition("\n## ")[0]
        assert "not measured" not in page


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group["result"])
def test_bars_are_those_that_the_bench_wrote_with_its_result(group: dict[str, list[dict[str, object]]]) -> None:
    result = BENCH / f"results/{group['result']}.json"
    written = json.loads(result.read_text()).get("bars", {}) if result.exists() else {}
    declared = {each["path"][-1]: each.get("at_most", each.get("at_least")) for each in group["figures"]}  # type: ignore[index]
    assert {name: bar for name, bar in written.items() if name in declared and declared[name] != bar} == {}
