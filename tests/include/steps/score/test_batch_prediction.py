"""A night answered some rows at a time is the night answered at once; what it looks like does not depend on the order."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from include.settings import Settings
from include.steps import scoring_package
from include.steps.context import NightContext
from include.steps.features import build
from include.steps.score import batch_prediction
from include.steps.score.batch_prediction import BatchPredictions
from include.stores import lake, ledger, warehouse
from ml.rollout.routing import Routing
from ml.usecase import UseCase, periods
from tests.include.steps.conftest import NIGHT


@pytest.fixture
def settings(arrive: Callable[[str], Settings]) -> Settings:
    """A home with a champion and a night that has features."""
    return arrive("score")


def champion(settings: Settings) -> str:
    result = ledger.champion(warehouse.engine(settings.warehouse_url), "taxi")
    assert result is not None
    return result.subject


def answered(case: UseCase, settings: Settings, aside: Path) -> BatchPredictions:
    version = lake.version(build.address(settings.lake, case))
    routing = Routing(use_case=case.name, seq=1, champion=champion(settings))
    return batch_prediction.predict(
        NightContext(case=case, night=periods.parse(NIGHT).first, settings=settings), version, routing, aside
    )


def in_parts(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """Let a night come a few rows at a time, the last ones first."""
    read = lake.batches

    def parts(*asked: object, **more: object) -> Iterator[pd.DataFrame]:
        whole = pd.concat(read(*asked, **more), ignore_index=True)[::-1]  # type: ignore[arg-type]
        yield from (whole[at : at + length].reset_index(drop=True) for at in range(0, len(whole), length))

    monkeypatch.setattr(lake, "batches", parts)


def test_parts_answer_as_the_whole_does(
    settings: Settings, taxi: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = build.read(settings.lake, taxi, NIGHT, NIGHT).set_index("entity")
    in_parts(monkeypatch, 7)
    result = answered(taxi, settings, tmp_path)
    scores = pd.concat(result.frames()).set_index("entity")["score"]
    assert (result.rows, result.invalid, result.log_rows.count) == (60, 0, 0)
    assert np.array_equal(scores[rows.index], scoring_package.load(champion(settings), settings).model.predict(rows))


def test_a_profile_does_not_depend_on_the_order_of_rows(
    settings: Settings, taxi: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_prediction, "_PROFILE_ROWS", 30)
    whole = answered(taxi, settings, tmp_path)
    in_parts(monkeypatch, 7)
    assert answered(taxi, settings, tmp_path).profiles == whole.profiles
    assert 10 < whole.profiles["score"].rows < 50
