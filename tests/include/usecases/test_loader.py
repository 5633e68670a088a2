"""A mistake in one use case's files is told by use case, file and line, and keeps no other from being found."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from include import usecases
from include.cli import main
from include.usecases import coherence
from ml.errors import DataError, DeclarationError, RequestError
from tests.conftest import TOYS

Spoil = Callable[[str, str, str], str]


@pytest.fixture
def spoil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spoil]:
    """A function that replaces a text in a file of a use case of its own, `club`, and returns the file's path."""
    club = tmp_path / "club"
    shutil.copytree(TOYS / "gym", club)
    literal = club / "usecase.py"
    literal.write_text(literal.read_text().replace('name="gym"', 'name="club"'))
    source = club / "source.py"
    source.write_text(source.read_text().replace("usecases.gym", "usecases.club"))
    monkeypatch.setattr(usecases, "__path__", [*usecases.__path__, str(tmp_path)])
    usecases.all.cache_clear()

    def replace(file: str, old: str, new: str) -> str:
        text = (club / file).read_text()
        assert old in text
        (club / file).write_text(text.replace(old, new, 1))
        return str(club / file)

    yield replace
    usecases.all.cache_clear()
    for name in [each for each in sys.modules if each.startswith(f"{usecases.__name__}.club")]:
        del sys.modules[name]


BROKEN = [
    pytest.param(
        "usecase.py",
        "question=",
        "qestion=",
        "line 23: UseCase has no field 'qestion': did you mean 'question'",
        id="a misspelt field",
    ),
    pytest.param(
        "usecase.py",
        "hour=5",
        "o_clock=5",
        "line 32: Night has no field 'o_clock': it has hour, timezone, every",
        id="an unknown field",
    ),
    pytest.param(
        "usecase.py",
        'every="month"',
        "every=",
        r"line 32: .*: horizons=\(Night\(hour=5",
        id="a syntax error",
    ),
    pytest.param(
        "usecase.py", "Night(hour=5", "Nihgt(hour=5", "line 32: NameError: name 'Nihgt'", id="an unknown name"
    ),
    pytest.param(
        "usecase.py",
        'feature="plan", min',
        'feature="plans", min',
        r"line 23: Slice\(feature='plans'\) must name",
        id="a refusal",
    ),
    pytest.param(
        "usecase.py",
        "    cost=Cost(act=2, miss=10, averted=0.5),\n",
        "",
        "line 23: TypeError: .* missing 1 required keyword-only argument: 'cost'",
        id="a missing field",
    ),
    pytest.param("usecase.py", "\nUSE_CASE =", "\nCASE =", ": expected USE_CASE = UseCase", id="no literal"),
    pytest.param("usecase.py", 'name="club"', 'name="clubs"', "folder's name, name='club', got 'clubs'", id="its name"),
]


@pytest.mark.parametrize(("file", "old", "new", "reported"), BROKEN)
def test_a_literal_that_cannot_be_read_is_told_by_file_and_line(
    spoil: Spoil, file: str, old: str, new: str, reported: str
) -> None:
    path = spoil(file, old, new)
    with pytest.raises(DeclarationError, match=rf"the use case 'club' cannot be read: {path}.*{reported}"):
        usecases.get("club")


def test_the_others_are_found_beside_one_that_cannot_be_read(spoil: Spoil) -> None:
    spoil("usecase.py", "question=", "qestion=")
    assert "club" in usecases.names()
    assert "flights" in [each.name for each in usecases.all()]
    assert "club" not in [each.name for each in usecases.all()]
    assert list(usecases.load_errors()) == ["club"]


@pytest.mark.parametrize(
    ("file", "old", "new", "reported"),
    [
        ("schema.py", "import pandera.pandas", "import pandara.pandas", "line 6: ModuleNotFoundError: .*'pandara'"),
        ("schema.py", "isin=[0, 1]", "isn=[0, 1]", "line 30: SchemaInitError: custom check 'isn' is not available"),
        ("schema.py", "visits: Series[float]", "visits: float or", "line 23: .*: visits: float or"),
        ("source.py", "def land(folder", "def lend(folder", r"source.py has no function land\(folder, period, data\)"),
    ],
    ids=["an import", "an unknown rule", "a syntax error", "a source that lands nothing"],
)
def test_what_the_literal_leans_on_is_read_by_the_check(
    spoil: Spoil, file: str, old: str, new: str, reported: str
) -> None:
    spoil(file, old, new)
    with pytest.raises(DeclarationError, match=reported):
        coherence.check(usecases.get("club"))


def test_a_schema_that_pandera_refuses_is_named(spoil: Spoil) -> None:
    spoil("schema.py", "plan: Series[str]", "plan: Series[pd.DataFrame]")
    with pytest.raises(
        DeclarationError, match="the schema 'Member' of the table 'members' is not a valid pandera model"
    ):
        coherence.check(usecases.get("club"))


def test_a_file_that_is_not_there_is_named(spoil: Spoil) -> None:
    Path(spoil("schema.py", "pandera", "pandera")).unlink()
    with pytest.raises(DeclarationError, match=r"club/schema.py: the file is not there; see docs/how-to/own-data.md"):
        coherence.check(usecases.get("club"))


def test_the_check_tells_what_is_wrong_looks_at_all_others_and_fails(spoil: Spoil) -> None:
    path = spoil("usecase.py", "question=", "qestion=")
    said = CliRunner().invoke(main.app, ["check"])
    assert said.exit_code == 1
    assert f"the use case 'club' cannot be read: {path}, line 23: UseCase has no field 'qestion'" in said.output
    assert "employment: coherent" in said.output
    assert "flights: coherent" in said.output


def test_what_a_persons_own_code_raises_is_told_by_file_and_line_and_what_ours_raises_is_not(spoil: Spoil) -> None:
    path = spoil("source.py", "    schedule = USE_CASE.schedule", "    schedule = folder.nothing")
    source = usecases.module("club", "source")
    reported = f"the use case 'club' fails in {path}, line 19: AttributeError: 'int' object has no attribute 'nothing'"
    with pytest.raises(DataError, match=reported), usecases.translate_errors("club", DataError):
        source.land(7, None, None)
    with pytest.raises(ZeroDivisionError), usecases.translate_errors("club"):
        raise ZeroDivisionError
    with pytest.raises(RequestError, match="as it was"), usecases.translate_errors("club"):
        raise RequestError("as it was")
