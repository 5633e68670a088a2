"""A feature that is infinite for some rows of the history is learned from as missing, or refused by its name."""

import numpy as np
import pandas as pd
import pytest

from include.settings import Settings
from include.steps import ingest, train
from include.steps.features import build
from include.stores import lake, warehouse
from ml.errors import DataError, RatchetError
from ml.training import fitting
from ml.usecase import Candidate, GradientBoosting, Logistic
from tests.cases.conftest import Variant
from tests.ml.answers import YES_OR_NO

HISTORY, LAST = "2023-01-01..2023-12-01", "2023-12-01"
DIVIDES = "import pandas as pd\n\n\ndef per_visit(visits: pd.Series) -> pd.Series:\n    return 1.0 / visits\n"
USED = {
    "    Column,\n": "    Column,\n    Function,\n",
    'Column("visits"))': 'Column("visits"), Function("per_visit"))',
}
COUNT = 1200
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def test_the_build_and_the_first_training_name_the_feature_and_its_cells(home: Settings, variant: Variant) -> None:
    case = variant("gym", "dividing", {"usecase": USED}, features=DIVIDES)
    ingest.ingest(case.name, HISTORY)
    build.build(case.name, HISTORY)
    rows = lake.read(build.address(home.lake, case))
    assert (int(np.isinf(rows["per_visit"]).sum()), len(rows)) == (49, 1440)
    alerts = warehouse.alerts(warehouse.engine(home.warehouse_url), case.name)
    infinite = [each for each in alerts if (each.kind, each.subject) == ("infinite_values", "per_visit")]
    by_night = rows.groupby("night")["per_visit"].agg(lambda cells: int(np.isinf(cells).sum()))
    assert [
        f"per_visit is infinite in {count} of 120 rows" in each.message
        for each, count in zip(infinite, by_night[by_night > 0], strict=True)
    ] == [True] * len(infinite)
    with pytest.raises(DataError, match="per_visit is infinite in 49 of 1440 rows"):
        train.train(case.name, LAST, train.BOOTSTRAP)


@pytest.mark.parametrize(
    "candidate",
    [
        pytest.param(Logistic(), id="linear"),
        pytest.param(GradientBoosting(trees=10, leaves=4, rows_per_leaf=20), id="trees"),
    ],
)
@pytest.mark.parametrize("cell", [np.inf, -np.inf, 1e308], ids=["infinite", "infinite below", "infinite squared"])
def test_every_candidate_learns_or_names_the_feature(candidate: Candidate, cell: float) -> None:
    chance = np.random.default_rng(0)
    labels = (chance.random(COUNT) < 0.4).astype(float)
    some = np.where(np.arange(COUNT) % 50 == 0, cell, 1.0)
    frame = pd.DataFrame({"gust": chance.normal(size=COUNT) + labels, "per_visit": some})
    nights = np.repeat([f"2024-01-{day:02d}" for day in range(1, 25)], COUNT // 24).astype(object)
    try:
        gathered = fitting.prepare(frame, labels, nights, tuple(frame), target=YES_OR_NO, seed=1, threads=1)
        model = fitting.fit(candidate, gathered).model
    except RatchetError as refused:
        assert "per_visit is infinite in 24 of 1200 rows" in str(refused)  # noqa: PT017
        return
    scores = model.predict(frame)
    assert np.isfinite(scores).all()
    assert model.predict_row(frame.iloc[0].to_dict()) == pytest.approx(scores[0], abs=1e-9)
