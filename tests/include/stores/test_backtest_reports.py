"""The dashboard shows the reports of backtests, without those that are incomplete; those of before are moved."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from include.stores import backtest_reports, report_paths
from ml.errors import RequestError

DOCUMENT = {
    "nights": "2024-03-17..2024-03-21",
    "gate": True,
    "method": "One recipe.",
    "caveats": "Read with care.",
    "pictures": {"quality": "Loss by block."},
    "policies": {"headers": ["policy", "let in"], "rows": [["never", "0"], ["every@7", "2"]]},
}


def put(reports: Path, name: str, content: str, at: int) -> None:
    path = report_paths.backtests(reports, "taxi") / name / "backtest.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    os.utime(path, (at, at))


def test_the_newest_comes_first_and_an_incomplete_one_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "old", json.dumps(DOCUMENT), at=1)
    put(tmp_path, "new", json.dumps(DOCUMENT | {"gate": False}), at=2)
    put(tmp_path, "cut", json.dumps(DOCUMENT)[:50], at=3)
    put(tmp_path, "older form", json.dumps({"nights": "x"}), at=4)
    result = backtest_reports.gather(tmp_path, "taxi")
    assert [each.gate for each in result] == [False, True]
    assert result[0].headers == ("policy", "let in")
    assert result[0].rows == (("never", "0"), ("every@7", "2"))
    assert backtest_reports.gather(tmp_path, "ferry") == ()


def test_a_picture_is_one_of_those_that_the_report_names(tmp_path: Path) -> None:
    put(tmp_path, "new", json.dumps(DOCUMENT), at=2)
    (report_paths.backtests(tmp_path, "taxi") / "new" / "quality.svg").write_text("<svg/>")
    (tmp_path / "secret.svg").write_text("<svg/>")
    assert backtest_reports.picture(tmp_path, "taxi", "new", "quality") == b"<svg/>"
    for backtest, name in (("new", "ages"), ("old", "quality"), ("new", "../../../secret"), ("..", "quality")):
        with pytest.raises(RequestError, match="expected a plot of one of the backtests of taxi"):
            backtest_reports.picture(tmp_path, "taxi", backtest, name)


FORMER = {
    **{key: value for key, value in DOCUMENT.items() if key not in ("method", "caveats", "policies")},
    "made": "One recipe.",
    "honest": "Read with care.",
    "policies": {"heads": DOCUMENT["policies"]["headers"], "rows": DOCUMENT["policies"]["rows"]},  # type: ignore[index]
}


def put_former(reports: Path, name: str, content: str) -> Path:
    folder = reports / "replay" / "taxi" / name
    folder.mkdir(parents=True)
    (folder / "replay.json").write_text(content)
    (folder / "quality.svg").write_text("<svg/>")
    return folder


def test_a_report_of_an_earlier_release_is_shown_after_the_upgrade(tmp_path: Path) -> None:
    put_former(tmp_path, "one", json.dumps(FORMER))
    assert (backtest_reports.upgrade(tmp_path), backtest_reports.upgrade(tmp_path)) == (1, 0)
    (moved,) = backtest_reports.gather(tmp_path, "taxi")
    put(tmp_path, "two", json.dumps(DOCUMENT), at=1)
    assert replace(moved, name="two") == backtest_reports.gather(tmp_path, "taxi")[1]
    assert backtest_reports.picture(tmp_path, "taxi", "one", "quality") == b"<svg/>"
    assert not list(tmp_path.rglob("replay.json"))


def test_a_report_that_was_made_again_or_cannot_be_read_stays_where_it_is(tmp_path: Path) -> None:
    put(tmp_path, "one", json.dumps(DOCUMENT), at=1)
    former = [put_former(tmp_path, "one", json.dumps(FORMER)), put_former(tmp_path, "cut", json.dumps(FORMER)[:50])]
    assert backtest_reports.upgrade(tmp_path) == 0
    assert all((each / "replay.json").is_file() for each in former)


def test_a_move_that_was_interrupted_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    put_former(tmp_path, "one", json.dumps(FORMER))
    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(Path, "rename", interrupt)
        backtest_reports.upgrade(tmp_path)
    assert backtest_reports.upgrade(tmp_path) == 1
    assert [each.name for each in backtest_reports.gather(tmp_path, "taxi")] == ["one"]
