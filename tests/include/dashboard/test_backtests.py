"""The board shows what replays left, and leaves out what is not whole."""

import json
import os
from pathlib import Path

import pytest

from include.dashboard import backtests
from include.stores import report_paths
from ml.errors import RequestError

TOLD = {
    "nights": "2024-03-17..2024-03-21",
    "gate": True,
    "made": "One recipe.",
    "honest": "Read with care.",
    "pictures": {"quality": "Loss by block."},
    "policies": {"heads": ["policy", "let in"], "rows": [["never", "0"], ["every@7", "2"]]},
}


def put(reports: Path, name: str, content: str, at: int) -> None:
    path = report_paths.backtests(reports, "taxi") / name / "replay.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    os.utime(path, (at, at))


def test_the_last_made_comes_first_and_what_is_not_whole_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "old", json.dumps(TOLD), at=1)
    put(tmp_path, "new", json.dumps(TOLD | {"gate": False}), at=2)
    put(tmp_path, "cut", json.dumps(TOLD)[:50], at=3)
    put(tmp_path, "older form", json.dumps({"nights": "x"}), at=4)
    found = backtests.gather(tmp_path, "taxi")
    assert [each.gate for each in found] == [False, True]
    assert found[0].headers == ("policy", "let in")
    assert found[0].rows == (("never", "0"), ("every@7", "2"))
    assert backtests.gather(tmp_path, "ferry") == ()


def test_a_picture_is_one_of_those_that_the_replay_names(tmp_path: Path) -> None:
    put(tmp_path, "new", json.dumps(TOLD), at=2)
    (report_paths.backtests(tmp_path, "taxi") / "new" / "quality.svg").write_text("<svg/>")
    (tmp_path / "secret.svg").write_text("<svg/>")
    assert backtests.picture(tmp_path, "taxi", "new", "quality") == b"<svg/>"
    for replay, name in (("new", "ages"), ("old", "quality"), ("new", "../../../secret"), ("..", "quality")):
        with pytest.raises(RequestError, match="expected a plot of one of the backtests of taxi"):
            backtests.picture(tmp_path, "taxi", replay, name)
