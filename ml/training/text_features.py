"""Text features: hashed n-grams, projected on the leading singular vectors of the training texts."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.arrays import Floats
from ml.scoring.ngrams import NgramHashing, Projection
from ml.usecase import Text

if TYPE_CHECKING:
    import pandas as pd

_SEED = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class SparseProjection(Projection):
    """A projection that hashes many texts at once, by scikit-learn."""

    def apply(self, values: Iterable[object]) -> Floats:
        """Return the same numbers as `Projection.apply`, up to the last bits of their sums."""
        import pandas as pd

        codes, distinct = pd.factorize(np.array([*values, None], dtype=object))
        known = (
            np.array(_hash_ngrams(self.text, list(distinct)) @ self._dense_weights)
            if len(distinct)
            else self._dense_weights[:0]
        )
        return np.vstack([known, np.full((1, self.text.components), np.nan)])[codes[:-1]]


def fit(text: Text, column: "pd.Series") -> SparseProjection:
    """Return the projection fitted on the texts in `column`: latent semantic analysis by a truncated SVD.

    The matrix has one row for each distinct text, scaled by the square root of its count. It has the same right
    singular vectors as the matrix with one row for each text.

    >>> import pandas as pd
    >>> projection = fit(Text(column="note", components=2), pd.Series(["late train", "late bus", None]))
    >>> projection.apply([None, "xyz"]).tolist()
    [[nan, nan], [0.0, 0.0]]
    """
    from sklearn.utils.extmath import randomized_svd
    from threadpoolctl import threadpool_limits

    hashing = NgramHashing(**asdict(text))
    counts = column.dropna().astype(str).value_counts().sort_index()
    weights = np.zeros((text.components, text.buckets))
    if len(counts):
        hashed = _hash_ngrams(hashing, list(counts.index)).multiply(np.sqrt(counts.to_numpy())[:, None]).tocsr()
        with threadpool_limits(limits=1, user_api="blas"):  # another order of summation changes the package's digest
            _, _, components = randomized_svd(hashed, min(text.components, len(counts)), n_iter=5, random_state=_SEED)
        weights[: len(components)] = components
    used = np.flatnonzero(weights.any(axis=0))
    return SparseProjection(text=hashing, used=used, weights=np.ascontiguousarray(weights[:, used].T))


def _hash_ngrams(text: NgramHashing, values: Sequence[object]) -> Any:
    """Return a sparse matrix (n, buckets) of hashed n-grams; each row has Euclidean norm 1."""
    from sklearn.feature_extraction.text import HashingVectorizer

    analyzer = "char_wb" if text.analyzer == "characters" else "word"
    return HashingVectorizer(analyzer=analyzer, ngram_range=text.ngrams, n_features=text.buckets).transform(
        map(str, values)
    )
