"""The commands of a page are found, run in a home of their own, and compared with what the page shows."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs import pages, run
from tests.docs.pages import Command

PAGE = """# Page

```console
$ echo one; echo two
one
...
$ echo long \\
>   line
```

```python
$ not a command
```
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(run, "PROJECT", tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home/warehouse.db").write_text("kept")
    (tmp_path / "page.md").write_text(PAGE)
    return tmp_path / "page.md"


def results(page: Path) -> list[bool]:
    return list(run.run_page(page, page.parent / "home"))


def test_commands_with_their_lines_and_output(page: Path) -> None:
    assert list(pages.commands(page)) == [
        Command(page=page, line=4, text="echo one; echo two", output=("one", "...")),
        Command(page=page, line=7, text="echo long \\\n  line", output=()),
    ]


def test_commands_that_do_as_shown_succeed(page: Path) -> None:
    assert results(page) == [True, True]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("$ false", "exit code 1"),
        ("$ no-such-command", "command not found"),
        ("$ false | cat", "exit code 1"),
        ("$ echo one\ntwo", "not printed as shown: 'two'"),
    ],
)
def test_a_wrong_command_fails(page: Path, command: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    page.write_text(f"```console\n{command}\n```\n")
    assert results(page) == [False]
    assert reason in capsys.readouterr().out


def test_a_command_changes_only_its_copy_of_the_home(page: Path) -> None:
    page.write_text("```console\n$ cat $RATCHET_HOME/warehouse.db; echo; rm $RATCHET_HOME/warehouse.db\nkept\n```\n")
    assert results(page) == [True]
    assert (page.parent / "home/warehouse.db").exists()


def test_a_page_may_ask_for_an_empty_home(page: Path) -> None:
    page.write_text("<!-- commands: new-home -->\n\n```console\n$ test ! -e $RATCHET_HOME\n```\n")
    assert results(page) == [True]


def test_a_page_may_ask_for_what_make_up_starts_which_ends_before_its_home_is_removed(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []

    @contextmanager
    def installation(variables: Mapping[str, str]) -> Iterator[None]:
        yield
        ended.append(Path(variables["RATCHET_HOME"]).exists())

    monkeypatch.setattr(run, "_installation", installation)
    page.write_text(
        "<!-- commands: up -->\n\n"
        '```console\n$ [ 127.0.0.1:8000/score = "127.0.0.1:$RATCHET_SERVING_PORT/score" ] && echo same\nsame\n```\n'
    )
    assert results(page) == [True]
    assert ended == [True]


def test_commands_that_ci_runs_itself_are_not_run_again(page: Path) -> None:
    page.write_text("```console\n$ make run UNTIL=2013-02-20   # more nights\n$ make test\n```\n")
    assert results(page) == []
