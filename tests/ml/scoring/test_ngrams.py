"""A text becomes the same numbers without scikit-learn."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.utils import murmurhash3_32

from ml.scoring import ngrams
from ml.scoring.ngrams import NgramHashing, Projection
from ml.training import text_features
from ml.usecase import Text

NOTES = ["fog at the gate", "snöw", "on time", "crew late, crew late", "", "  a\tb  ", None, "Straße İstanbul"]
TEXTS = {
    "characters": Text("note", components=3, buckets=64),
    "short ones": Text("note", ngrams=(1, 2), components=3, buckets=64),
    "words": Text("note", analyzer="words", ngrams=(1, 2), components=3, buckets=50),
}
EACH = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def hashing(text: Text) -> NgramHashing:
    """Return the n-gram hashing that a declared text feature has."""
    return NgramHashing(**asdict(text))


@given(st.binary(max_size=40))
def test_the_hash_is_the_one_that_scikit_learn_has(data: bytes) -> None:
    assert ngrams.murmur3(data) == murmurhash3_32(data, seed=0)


@EACH
@given(value=ANY_TEXT)
def test_a_text_has_the_buckets_and_weights_that_scikit_learn_gives_it(text: Text, value: str) -> None:
    analyzer = "char_wb" if text.analyzer == "characters" else "word"
    theirs = HashingVectorizer(analyzer=analyzer, ngram_range=text.ngrams, n_features=text.buckets).transform([value])
    theirs.eliminate_zeros()
    result = ngrams.hash_ngrams(hashing(text), value)
    assert list(result) == theirs.indices.tolist()
    assert list(result.values()) == theirs.data.tolist()


@EACH
def test_a_projection_alone_gives_the_numbers_of_the_fitted_one(text: Text) -> None:
    fitted = text_features.fit(text, pd.Series(NOTES, dtype=object))
    alone = Projection(text=fitted.text, used=fitted.used, weights=fitted.weights)
    asked = [*NOTES, "never seen", np.nan]
    np.testing.assert_allclose(alone.apply(asked), fitted.apply(asked), rtol=0, atol=1e-15)


def test_no_texts_are_no_rows() -> None:
    text = TEXTS["words"]
    assert Projection(text=hashing(text), used=np.zeros(0, np.int64), weights=np.zeros((0, 3))).apply([]).shape == (
        0,
        3,
    )
