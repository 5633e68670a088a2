"""A longer run that is kept is shown beside a run, marked as another one; a file that cannot be read shows nothing."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from rich.console import Console

from include import report
from include.report import played_nights, run_summary
from include.report.played_nights import PlayedChallenger, PlayedNights
from ml.monitoring.retraining_gain import RetrainingGain
from ml.statistics.intervals import Interval
from ml.usecase import UseCase, periods

PLAYED = PlayedNights(
    use_case="taxi",
    nights="2013-02-01..2013-12-31",
    played_on="2026-11-29",
    adopted=1,
    gain="Retraining: it paid.",
    challengers=(
        PlayedChallenger(night="2013-03-18", fate="champion on 2013-04-02 (allowance)", reason="unproven"),
        PlayedChallenger(night="2013-04-18", fate="not admitted", reason="log loss gain <0"),
    ),
    interventions=("2013-05-01: rolled back",),
)
GAIN = RetrainingGain(
    nights=70,
    rows=9000,
    served_loss=0.52,
    first_loss=0.54,
    loss=Interval(value=0.02, low=0.01, high=0.03),
    saved=Interval(value=800.0, low=-50.0, high=1650.0),
)
PERIOD = periods.parse("2013-02-01..2013-02-03")


@pytest.fixture
def kept(tmp_path: Path, case: UseCase, monkeypatch: pytest.MonkeyPatch) -> PlayedNights:
    """A longer run of the use case that is kept."""
    monkeypatch.setattr(played_nights, "_RESULTS", tmp_path)
    played = replace(PLAYED, use_case=case.name)
    played_nights.write(played)
    return played


def test_what_is_kept_is_read_back(kept: PlayedNights) -> None:
    assert played_nights.find(kept.use_case) == kept
    assert played_nights.find("another") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"challengers": [{"night": 1}], "interventions": []}'])
def test_a_file_that_cannot_be_read_shows_nothing(kept: PlayedNights, text: str) -> None:
    played_nights.path(kept.use_case).write_text(text)
    assert played_nights.find(kept.use_case) is None


def shown(engine: sa.Engine, case: UseCase, gain: RetrainingGain | None) -> str:
    out = io.StringIO()
    report.show(report.gather(engine, case, PERIOD, {}, gain), Console(file=out, width=2000))
    return out.getvalue()


def test_a_run_that_adopted_nothing_says_what_a_longer_one_led_to(
    kept: PlayedNights, engine: sa.Engine, case: UseCase
) -> None:
    text = shown(engine, case, None)
    assert f"No refresh was adopted in these nights. A run over {kept.nights}, played on 2026-11-29" in text
    assert "2 challengers were judged, 1 became champion. Retraining: it paid." in text


def test_a_run_with_an_adoption_says_what_that_was_worth(kept: PlayedNights, engine: sa.Engine, case: UseCase) -> None:
    text = shown(engine, case, GAIN)
    assert "a gain of +0.0200 [+0.0100, +0.0300], and +800 [-50, +1,650] saved per 1000 rows" in text
    assert kept.played_on not in text
    assert run_summary.gather(engine, case, PERIOD, {}, GAIN).as_json()["retraining_gain"]["loss"]["low"] == 0.01
