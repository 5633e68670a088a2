"""A profile that was written and read gives exactly the numbers that the formulas give for the rows themselves."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.arrays import Floats
from ml.monitoring import data_quality, drift, reference_profile
from ml.monitoring.reference_profile import ReferenceProfile
from ml.usecase import Drift

LAW = settings(max_examples=40)
TEXTS = ("note",)
LIMIT = 12  # of the sample, so that short frames are sampled, too
NUMBERS = st.none() | st.sampled_from([0.0, 1.0, -0.0]) | st.floats(allow_nan=False, allow_infinity=True)
COLUMNS = {
    "miles": (NUMBERS, "float64"),
    "stops": (st.integers(-3, 3), "int64"),
    "is_late": (st.booleans(), "bool"),
    "zone": (st.none() | st.sampled_from(["east", "west", "", "é", "None"]), "category"),
    "flag": (st.none() | st.booleans(), "category"),
    "note": (st.none() | st.sampled_from(["", "late", "lost bag", "late again", "é"]), "category"),
}


def frames(*, smallest: int) -> st.SearchStrategy[pd.DataFrame]:
    def draw(rows: int) -> st.SearchStrategy[pd.DataFrame]:
        cells = {name: st.lists(values, min_size=rows, max_size=rows) for name, (values, _) in COLUMNS.items()}
        return st.fixed_dictionaries(cells).map(
            lambda columns: pd.DataFrame({name: pd.Series(columns[name], dtype=object) for name in COLUMNS}).astype(
                {name: dtype for name, (_, dtype) in COLUMNS.items()}
            )
        )

    return st.integers(smallest, 30).flatmap(draw)


def stored(rows: pd.DataFrame) -> ReferenceProfile:
    """Return the profile of `rows` as a package returns it."""
    profile = reference_profile.build_for_training(rows, np.arange(3.0), TEXTS)
    content = reference_profile.to_json(profile)
    loaded = reference_profile.from_json(content)
    assert loaded is not None
    assert reference_profile.to_json(loaded) == content
    return loaded.features


@pytest.fixture(autouse=True, scope="module")
def _small_samples() -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(reference_profile, "_MAX_ROWS", LIMIT)
    yield
    patch.undo()


@LAW
@given(frames(smallest=1), frames(smallest=0))
def test_the_indexes_are_those_of_the_rows(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    assert drift.population_stability_indexes(stored(reference), current) == {
        name: stability_index(*shares(reference[name], current[name], is_text=name in TEXTS)) for name in COLUMNS
    }


@LAW
@given(frames(smallest=1), frames(smallest=1))
def test_the_excess_and_the_drifted_share_are_those_of_the_rows(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    profile, (few, now) = stored(reference), (sample(each) for each in (reference, current))
    expected = {
        name: excess(*shares(few[name], now[name], is_text=name in TEXTS), len(few), len(now)) for name in COLUMNS
    }
    assert drift.excess_stability_indexes(profile, current) == expected
    declared = Drift(psi_threshold=0.5)
    assert drift.drifted_share(profile, current, declared) == sum(value > 0.5 for value in expected.values()) / 6


@LAW
@given(frames(smallest=1), frames(smallest=1))
def test_the_quality_is_that_of_the_rows(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    for each in data_quality.measure(stored(reference), current):
        before, now = (
            lengths(rows[each.feature]) if each.feature in TEXTS else rows[each.feature]
            for rows in (reference, current)
        )
        assert (each.rows, each.missing) == (len(now), now.isna().sum())
        assert (each.infinite, each.out_of_range) == outside(before, now)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param(lambda rows: rows.iloc[:, ::-1], True, id="columns in another order"),
        pytest.param(lambda rows: rows.iloc[:2], False, id="other rows"),
    ],
)
def test_equal_profiles_have_equal_bytes(change: Callable[[pd.DataFrame], pd.DataFrame], same: bool) -> None:
    rows = pd.DataFrame({"miles": [1.0, np.inf, np.inf, None], "zone": ["a", "b", "b", None]})
    one, other = (
        reference_profile.to_json(reference_profile.build_for_training(each, np.zeros(2), ()))
        for each in (rows, change(rows))
    )
    assert (one == other) is same


def test_a_profile_keeps_no_text_but_lengths() -> None:
    rows = pd.DataFrame({"note": ["Jane Doe was late", "so was I"]})
    content = reference_profile.to_json(reference_profile.build_for_training(rows, np.zeros(2), TEXTS))
    assert b"Jane" not in content
    assert json.loads(content)["features"]["columns"]["note"]["high"] == len("Jane Doe was late")


def test_a_profile_of_another_format_is_none() -> None:
    content = reference_profile.to_json(reference_profile.build_for_training(pd.DataFrame(), np.zeros(0), ()))
    assert reference_profile.from_json(content.replace(b'"format":1', b'"format":2')) is None


@pytest.mark.parametrize(
    ("names", "texts", "described"),
    [
        pytest.param(["zone"], [], True, id="a part of the columns"),
        pytest.param(["zone", "note"], ["note", "elsewhere"], True, id="a text"),
        pytest.param(["miles"], [], False, id="a column that it lacks"),
        pytest.param(["zone"], ["zone"], False, id="a category that is a text now"),
        pytest.param(["note"], [], False, id="a text that is a category now"),
    ],
)
def test_a_profile_describes_the_columns_that_it_has(names: list[str], texts: list[str], described: bool) -> None:
    profile = reference_profile.build(pd.DataFrame({"zone": ["a"], "note": ["b"]}), ["note"])
    assert profile.describes(names, texts) is described


# The formulas on rows, without a profile.


def sample(rows: pd.DataFrame) -> pd.DataFrame:
    return rows if len(rows) <= LIMIT else rows.iloc[np.linspace(0, len(rows) - 1, LIMIT).astype(int)]


def lengths(column: pd.Series) -> pd.Series:
    return column.astype(object).map(len, na_action="ignore").astype(float)


def shares(reference: pd.Series, current: pd.Series, *, is_text: bool) -> tuple[Floats, Floats]:
    if is_text:
        reference, current = lengths(reference), lengths(current)
    if pd.api.types.is_numeric_dtype(reference.dtype):
        present = reference.dropna().to_numpy(float)
        with np.errstate(invalid="ignore"):
            quantiles = np.quantile(present, np.linspace(0, 1, 11)[1:-1]) if len(present) else np.zeros(0)
        cuts, repeats = np.unique(quantiles, return_counts=True)
        edges = np.unique(np.append(cuts, np.nextafter(cuts[repeats > 1], np.inf)))
        return binned(reference.to_numpy(float), edges), binned(current.to_numpy(float), edges)
    expected, actual = level_shares(reference), level_shares(current)
    levels = expected.index.union(actual.index)
    return expected.reindex(levels, fill_value=0.0).to_numpy(float), actual.reindex(levels, fill_value=0.0).to_numpy(
        float
    )


def binned(values: Floats, edges: Floats) -> Floats:
    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[~missing], side="right"), minlength=len(edges) + 1)
    return np.append(counts, missing.sum()) / max(len(values), 1)


def level_shares(column: pd.Series) -> pd.Series:
    counted = column.value_counts(normalize=True, dropna=False)
    counted = counted[counted > 0]
    counted.index = pd.Index(["missing" if pd.isna(each) else str(each) for each in counted.index], dtype=object)
    return counted.groupby(level=0).sum()


def stability_index(p: Floats, q: Floats) -> float:
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    return float(((q - p) * np.log(q / p)).sum())


def excess(p: Floats, q: Floats, n: int, m: int) -> float:
    occupied = np.maximum(p, q) > 0
    bins = int(occupied.sum())
    smoothed = [(each[occupied] * rows + 0.5) / (rows + 0.5 * bins) for each, rows in ((p, n), (q, m))]
    return max(stability_index(*smoothed) - (bins - 1) * (1 / n + 1 / m), 0.0)


def outside(reference: pd.Series, current: pd.Series) -> tuple[int, int]:
    """Return how many values of `current` are infinite, and how many are outside the range of `reference`."""
    if not pd.api.types.is_numeric_dtype(reference.dtype):
        return 0, int((~current.dropna().astype(str).isin(set(reference.dropna().astype(str)))).sum())
    known, values = reference.to_numpy(float), current.to_numpy(float)
    known, finite = known[np.isfinite(known)], values[np.isfinite(values)]
    beyond = ((finite < known.min()) | (finite > known.max())).sum() if len(known) else 0
    return int(np.isinf(values).sum()), int(beyond)
