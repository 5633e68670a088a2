import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.errors import DataError
from ml.scoring.encoder import Encoder
from ml.training import encoding
from ml.usecase import Text

NAMES = ("zone", "miles", "is_wet")
FRAME = pd.DataFrame({"miles": [2.0, None], "zone": ["west", "east"], "is_wet": [True, False], "unused": [1, 2]})
ENCODER = Encoder(levels={"zone": ("east", "west"), "miles": None, "is_wet": None})
NAN = float("nan")


def test_levels_are_learned_sorted_and_only_for_what_is_no_number() -> None:
    assert encoding.fit(FRAME, NAMES) == ENCODER


@pytest.mark.parametrize(
    ("column", "levels"),
    [
        pytest.param(pd.Series(["b", None, "a", "b"]), ("a", "b"), id="text with a gap"),
        pytest.param(pd.Series(["b", "a"], dtype="category"), ("a", "b"), id="category"),
        pytest.param(pd.Series(["b", None], dtype="string"), ("b",), id="string"),
        pytest.param(pd.Series([None, None]), (), id="never seen"),
        pytest.param(pd.Series([1, 2]), None, id="integers"),
        pytest.param(pd.Series([1, None], dtype="Int64"), None, id="integers with a gap"),
        pytest.param(pd.Series([True, False]), None, id="booleans"),
    ],
)
def test_a_column_is_a_number_or_has_levels_without_the_missing_one(
    column: pd.Series, levels: tuple[str, ...] | None
) -> None:
    assert encoding.fit(column.to_frame("x"), ("x",)).levels["x"] == levels


def test_numbers_stay_and_categories_become_the_place_of_their_level() -> None:
    np.testing.assert_array_equal(ENCODER.encode(FRAME), [[1, 2, 1], [0, NAN, 0]])


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({"zone": "north", "miles": 1.0, "is_wet": True}, [NAN, 1, 1], id="a level not seen"),
        pytest.param({"zone": None, "miles": None, "is_wet": None}, [NAN, NAN, NAN], id="all missing"),
        pytest.param({"zone": NAN, "miles": NAN, "is_wet": NAN}, [NAN, NAN, NAN], id="all not a number"),
        pytest.param({"zone": "east", "miles": 3, "is_wet": 0}, [0, 3, 0], id="whole numbers"),
        pytest.param({"is_wet": 1, "more": "x", "miles": 2, "zone": "west"}, [1, 2, 1], id="another order, and more"),
    ],
)
def test_a_row_is_encoded_alike_alone_and_in_a_frame(row: dict[str, object], expected: list[float]) -> None:
    np.testing.assert_array_equal(ENCODER.encode_row(row), [expected])
    np.testing.assert_array_equal(ENCODER.encode(pd.DataFrame([row])), [expected])


@pytest.mark.parametrize(
    "miles",
    [
        pytest.param(pd.Series([2, None], dtype="Int64"), id="Int64"),
        pytest.param(pd.Series([2, None], dtype="Float64"), id="Float64"),
        pytest.param(pd.Series([2, None], dtype=object), id="object"),
        pytest.param(pd.Series([2, NAN], dtype="float32"), id="float32"),
    ],
)
def test_a_missing_number_of_any_type_is_not_a_number(miles: pd.Series) -> None:
    np.testing.assert_array_equal(ENCODER.encode(FRAME.assign(miles=miles))[:, 1], [2, NAN])


def test_a_missing_feature_is_refused_by_name() -> None:
    with pytest.raises(
        DataError, match=r"expected the features \['zone', 'miles', 'is_wet'\], missing: \['zone', 'is_wet'\]"
    ):
        ENCODER.encode(FRAME[["miles"]])


def test_the_places_of_the_categories_are_told() -> None:
    assert Encoder(levels={"a": None, "b": ("x",), "c": None, "d": ()}).categories == (1, 3)


def test_no_rows_are_encoded_as_no_rows() -> None:
    assert ENCODER.encode(FRAME.head(0)).shape == (0, 3)


def test_encoding_leaves_the_frame_as_it_was() -> None:
    before = FRAME.copy(deep=True)
    ENCODER.encode(FRAME)
    pd.testing.assert_frame_equal(FRAME, before)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "zone": st.none() | st.sampled_from(["east", "west", "north", ""]),
                "miles": st.none() | st.floats(allow_nan=False) | st.integers(-(2**53), 2**53),
                "is_wet": st.booleans() | st.none(),
            }
        ),
        min_size=1,
        max_size=8,
    )
)
def test_the_path_of_single_answers_encodes_as_the_path_of_frames(rows: list[dict[str, object]]) -> None:
    one_by_one = np.vstack([ENCODER.encode_row(row) for row in rows])
    np.testing.assert_array_equal(ENCODER.encode(pd.DataFrame(rows, dtype=object)), one_by_one)


def test_a_row_without_a_feature_is_refused_like_a_frame() -> None:
    with pytest.raises(DataError, match=r"missing: \['zone'\]; build them before scoring"):
        Encoder(levels={"miles": None, "zone": ("a",)}).encode_row({"miles": 1.0})


NOTED = FRAME.assign(note=["fog at the gate", None])
TEXTUAL = encoding.fit(NOTED, ("zone", "note", "miles"), (Text("note", components=2), Text("other")))


def test_a_text_is_as_many_columns_as_it_has_components() -> None:
    assert TEXTUAL.names == ("zone", "note", "miles")
    assert (TEXTUAL.sizes, TEXTUAL.categories) == ((2, None, None, None), (0,))
    encoded = TEXTUAL.encode(NOTED)
    np.testing.assert_array_equal(encoded[:, [0, 3]], [[1, 2], [0, NAN]])
    assert np.isnan(encoded[1, 1:3]).all()
    assert np.isfinite(encoded[0, 1:3]).all()


def test_a_text_is_encoded_alike_alone_and_in_a_frame() -> None:
    rows = NOTED.astype({"note": "category"}).to_dict("records")
    np.testing.assert_array_equal(TEXTUAL.encode(NOTED), np.vstack([TEXTUAL.encode_row(row) for row in rows]))  # type: ignore[arg-type]


def test_without_a_declaration_a_text_is_a_category() -> None:
    assert encoding.fit(NOTED, ("note",)).levels == {"note": ("fog at the gate",)}


def test_every_feature_fills_columns_of_its_own_a_text_as_many_as_its_components() -> None:
    frame = FRAME.assign(note=["late again", "as ever"])
    text = Text("note", components=2, buckets=64)
    encoder = encoding.fit(frame, ("zone", "note", "miles"), (text,))
    assert encoder.columns == {"zone": range(1), "note": range(1, 3), "miles": range(3, 4)}
    assert encoder.encode(frame).shape[1] == len(encoder.sizes) == 4


def test_a_category_is_encoded_as_its_texts_are() -> None:
    """Levels that were not learned, that no row has, and missing values included."""
    encoder = Encoder(levels={"zone": ("east", "west")})
    texts = pd.DataFrame({"zone": pd.Series(["west", None, "mars", "east"], dtype=object)})
    categories = texts.astype({"zone": pd.CategoricalDtype(["mars", "pluto", "west", "east"])})
    np.testing.assert_array_equal(encoder.encode(categories)[:, 0], [1.0, np.nan, np.nan, 0.0])
    np.testing.assert_array_equal(encoder.encode(categories), encoder.encode(texts))
