"""A house is what a file of variables, or this process's environment, says."""

import os
from pathlib import Path

import pytest

from include import installation
from include.settings import PROJECT
from ml.errors import RequestError

BUCKET = "RATCHET_LAKE=s3://bucket/lake\n"


def described(path: Path, text: str) -> installation.Installation:
    path.write_text(text)
    return installation.from_file(path)


def test_a_file_says_where_everything_is_and_what_it_leaves_out_is_at_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_LAKE", "s3://this/process")
    result = described(tmp_path / "stack.env", f"RATCHET_HOME={tmp_path}/new\nRATCHET_WAREHOUSE_URL=postgresql://w/r\n")
    assert (result.settings.warehouse_url, result.settings.lake) == ("postgresql://w/r", f"{tmp_path}/new/lake")
    assert installation.current().settings.lake == "s3://this/process"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        pytest.param("A=b", "b", id="plain"),
        pytest.param("export A=b", "b", id="exported"),
        pytest.param(" A = b ", "b", id="spaced"),
        pytest.param("A='b c'", "b c", id="single quotes"),
        pytest.param('A="b=c"', "b=c", id="double quotes, a sign within"),
        pytest.param("A=", "", id="empty"),
    ],
)
def test_a_line_is_a_name_and_a_value(line: str, value: str) -> None:
    assert installation.parse_variables(f"# said once\n\n{line}\n", "x.env") == {"A": value}


@pytest.mark.parametrize("line", ["RATCHET_LAKE", "=x", "two words=x"])
def test_a_line_that_is_none_is_named_and_its_value_is_not_told(line: str) -> None:
    with pytest.raises(RequestError, match=r"expected NAME=value in line 2 of x.env") as reported:
        installation.parse_variables(f"A=b\n{line}", "x.env")
    assert "=x" not in str(reported.value)


def test_a_file_that_is_not_there_or_names_nothing_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="expected a file of variables at .*none.env"):
        installation.from_file(tmp_path / "none.env")
    with pytest.raises(RequestError, match="sets no RATCHET_"):
        described(tmp_path / "other.env", "PATH=/bin")


def test_the_example_can_be_read(tmp_path: Path) -> None:
    lines = (PROJECT / ".env.example").read_text().splitlines()
    reported = "\n".join(line.removeprefix("#") for line in lines if line.startswith("#RATCHET_"))
    assert described(tmp_path / "all.env", reported).settings.mlflow_port == 5000


def test_both_houses_let_this_process_in_while_it_is_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "here")
    folders = described(tmp_path / "a.env", f"RATCHET_HOME={tmp_path}\nMLFLOW_TRACKING_USERNAME=nobody\n")
    stack = described(tmp_path / "b.env", f"{BUCKET}AWS_ENDPOINT_URL=http://s3\nRATCHET_MLFLOW_URL=http://mlflow\n")
    with installation.use_credentials(folders, stack):
        assert (os.environ["AWS_ENDPOINT_URL"], os.environ["MLFLOW_TRACKING_USERNAME"]) == ("http://s3", "here")
    assert "AWS_ENDPOINT_URL" not in os.environ


def test_two_servers_with_other_secrets_are_refused_and_no_secret_is_told(tmp_path: Path) -> None:
    one, other = (described(tmp_path / f"{key}.env", f"{BUCKET}AWS_SECRET_ACCESS_KEY={key}\n") for key in ("k1", "k2"))
    with (
        pytest.raises(RequestError, match="both installations need AWS_SECRET_ACCESS_KEY, with different") as reported,
        installation.use_credentials(one, other),
    ):
        raise AssertionError("let in")
    assert "k1" not in str(reported.value)
