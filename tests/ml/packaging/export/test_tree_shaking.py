"""What something needs of our source code comes along, and nothing else."""

import sys
from types import ModuleType

import pytest

from ml.packaging.export import tree_shaking
from ml.packaging.export.tree_shaking import QualifiedName

OURS = {
    "ml": "",
    "ml.shapes": '''
"""Shapes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import heavy
from ml import numbers
from ml.numbers import PI

if TYPE_CHECKING:
    from ml.numbers import Wide

SIDES, _UNUSED = 4, 5


@dataclass(frozen=True)
class Round:
    """A circle."""

    radius: float  # in metres

    def area(self) -> "Wide":
        return PI * numbers.squared(self.radius)


def learn(rows: Iterable[int]) -> Round:
    return Round(heavy.fit(rows))
'''.lstrip(),
    "ml.numbers": "import math\n\nPI = math.pi\nE = math.e\nWide = float\n\n\ndef squared(one: float) -> float:\n    return one * one\n",
}


def test_only_what_is_needed_comes_along_as_it_is_written() -> None:
    found = tree_shaking.required_sources(OURS, [QualifiedName(module="ml.shapes", name="Round")])
    assert found == {
        "ml.numbers": "import math\n\nPI = math.pi\n\ndef squared(one: float) -> float:\n    return one * one\n",
        "ml.shapes": '''
"""Shapes."""

from dataclasses import dataclass
from ml import numbers
from ml.numbers import PI

@dataclass(frozen=True)
class Round:
    """A circle."""

    radius: float  # in metres

    def area(self) -> "Wide":
        return PI * numbers.squared(self.radius)
'''.lstrip(),
    }


def test_a_module_of_which_nothing_is_needed_is_not_imported() -> None:
    """A field may be called what a module is called."""
    ours = {
        **OURS,
        "ml.box": "from ml import numbers\n\n\nclass Box:\n    def __init__(self, numbers):\n        self.held = numbers\n",
    }
    assert "import" not in tree_shaking.required_sources(ours, [QualifiedName(module="ml.box", name="Box")])["ml.box"]


def test_what_a_function_imports_when_it_is_called_comes_along() -> None:
    ours = {**OURS, "ml.late": "def area():\n    from ml.numbers import PI\n\n    return PI\n"}
    assert (
        tree_shaking.required_sources(ours, [QualifiedName(module="ml.late", name="area")])["ml.numbers"]
        == "import math\n\nPI = math.pi\n"
    )


def test_what_a_package_hands_on_is_followed_to_where_it_is_defined() -> None:
    ours = {"ml.one": 'from ml.one.inner import a, b\n\n__all__ = ["a", "b"]\n', "ml.one.inner": "a = 1\nb = 2\n"}
    found = tree_shaking.required_sources(ours, [QualifiedName(module="ml.one", name="a")])
    assert found == {"ml.one": "from ml.one.inner import a\n", "ml.one.inner": "a = 1\n"}


def test_what_a_source_asks_for_is_what_it_imports() -> None:
    text = "import json\nfrom ml.shapes import Round, SIDES\nfrom other import x\n"
    assert tree_shaking.imported_names(text) == {
        QualifiedName(module="ml.shapes", name=name) for name in ("Round", "SIDES")
    }


def test_moved_source_runs_under_its_new_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tree_shaking.required_sources(OURS, [QualifiedName(module="ml.numbers", name="squared")])
    module = ModuleType("far.away.numbers")
    exec(tree_shaking.rewrite_imports(found["ml.numbers"], "far.away"), module.__dict__)
    monkeypatch.setitem(sys.modules, "far", ModuleType("far"))
    monkeypatch.setitem(sys.modules, "far.away", ModuleType("far.away"))
    monkeypatch.setitem(sys.modules, "far.away.numbers", module)
    taken: dict[str, object] = {}
    exec(tree_shaking.rewrite_imports("from ml.numbers import squared\nnine = squared(3)\n", "far.away"), taken)
    assert taken["nine"] == 9
