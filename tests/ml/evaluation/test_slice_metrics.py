import numpy as np
import pytest

from ml.evaluation import slice_metrics
from ml.evaluation.slice_metrics import SliceKind
from ml.metrics import probability
from ml.usecase import EdgeCase, Gates
from tests.ml.answers import YES_OR_NO, answered

ROWS = answered()
STORM = EdgeCase(name="storm", condition="is_storm", why="it matters most")
NOWHERE = EdgeCase(name="eclipse", condition="is_eclipse", why="nobody drives")
SOUTH = (ROWS.frame["zone"] == "south").to_numpy()
MEASURED = slice_metrics.measure(
    ROWS,
    {STORM: np.arange(len(SOUTH)) % 10 == 0, NOWHERE: np.zeros(len(SOUTH), bool)},
    {"zone=south": SOUTH},
    Gates(recent_nights=3),
    YES_OR_NO,
)


def test_every_part_is_told_with_why_it_is_judged_apart() -> None:
    assert [(each.kind, each.name) for each in MEASURED] == [
        (SliceKind.ALL, "all"),
        (SliceKind.RECENT, "since 2013-02-05"),
        (SliceKind.EDGE_CASE, "storm"),
        (SliceKind.EDGE_CASE, "eclipse"),
        (SliceKind.SLICE, "zone=south"),
    ]
    assert MEASURED[2].why == "it matters most"


def test_the_latest_nights_are_those_declared() -> None:
    recent = MEASURED[1].quality
    assert recent is not None
    assert (recent.nights, recent.rows) == (3, 900)


def test_a_part_has_the_quality_of_its_rows_with_intervals_that_hold_it() -> None:
    south = MEASURED[4]
    assert south.quality is not None
    assert south.loss is not None
    assert south.quality.log_loss == pytest.approx(probability.log_loss(ROWS.labels[SOUTH], ROWS.scores[SOUTH]))
    assert south.loss.value == pytest.approx(south.quality.log_loss)
    assert south.loss.low < south.loss.value < south.loss.high
    assert south.calibration is not None
    assert south.calibration.low < 1 < south.calibration.high


def test_a_part_without_rows_has_no_quality() -> None:
    assert (MEASURED[3].quality, MEASURED[3].loss, MEASURED[3].calibration) == (None, None, None)
