import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.training import text_features
from ml.usecase import Text

TEXT = Text("note", components=3, buckets=256)
NOTES = pd.Series(["gate closed by fog", "fog and snow", None, "on time", "on time", "snow at the gate", "crew late"])
FITTED = text_features.fit(TEXT, NOTES)


def test_texts_become_as_many_numbers_as_declared() -> None:
    numbers = FITTED.apply(NOTES)
    assert (numbers.shape, numbers.dtype) == ((7, 3), np.float64)


def test_texts_that_share_words_lie_closer_than_texts_that_do_not() -> None:
    fog, snow, plain = FITTED.apply(["fog at the gate", "fog and snow at the gate", "on time"])
    assert np.linalg.norm(fog - snow) < np.linalg.norm(fog - plain)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA], ids=["None", "NaN", "NA"])
def test_a_missing_text_is_missing_in_each_number(missing: object) -> None:
    assert np.isnan(FITTED.apply([missing])).all()


@pytest.mark.parametrize("text", ["", "żółć 火"], ids=["empty", "of unseen letters"])
def test_a_text_that_training_knows_nothing_of_is_a_number_all_the_same(text: str) -> None:
    assert np.isfinite(FITTED.apply([text])).all()


def test_no_texts_are_no_rows() -> None:
    assert FITTED.apply([]).shape == (0, 3)


@pytest.mark.parametrize("notes", [[], [None, None], ["fog"]], ids=["no rows", "all missing", "one text"])
def test_too_few_texts_to_tell_directions_are_no_trouble(notes: list[str | None]) -> None:
    fitted = text_features.fit(TEXT, pd.Series(notes, dtype=object))
    assert fitted.apply(["fog", None]).shape == (2, 3)
    assert np.isfinite(fitted.apply(["fog"])).all()


def test_fitting_again_on_the_same_texts_in_another_order_gives_the_same_bits() -> None:
    again = text_features.fit(TEXT, NOTES.sample(frac=1, random_state=1).astype("category"))
    np.testing.assert_array_equal(again.weights, FITTED.weights)
    np.testing.assert_array_equal(again.used, FITTED.used)


def test_only_buckets_that_training_has_seen_are_kept() -> None:
    assert len(FITTED.used) < TEXT.buckets
    assert FITTED.weights.shape == (len(FITTED.used), 3)


def test_words_are_another_reading_than_characters() -> None:
    words = text_features.fit(Text("note", analyzer="words", ngrams=(1, 1), components=3), NOTES)
    assert words.apply(["snowy"]).tolist() == [[0, 0, 0]]
    assert FITTED.apply(["snowy"]).any()


@settings(max_examples=30)
@given(st.lists(st.none() | st.text(max_size=20), min_size=1, max_size=8))
def test_a_text_gives_the_same_numbers_whatever_comes_with_it(notes: list[str | None]) -> None:
    together, alone = FITTED.apply(notes), [FITTED.apply([note])[0] for note in notes]
    np.testing.assert_array_equal(together, alone)
