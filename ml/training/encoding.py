"""Fitting of the encoder: the levels of categories and the projections of texts."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ml.scoring.encoder import Encoder, Levels
from ml.training import text_features
from ml.usecase import Text

if TYPE_CHECKING:
    import pandas as pd


def fit(frame: "pd.DataFrame", names: tuple[str, ...], declared: Iterable[Text] = ()) -> Encoder:
    """Return the encoder of the features `names`, with the sorted levels that each category has in `frame`.

    Features that are `declared` as texts are fitted as text features.

    >>> import pandas as pd
    >>> encoder = fit(pd.DataFrame({"zone": ["west", "east", None], "miles": [1.0, 2.5, 4.0]}), ("zone", "miles"))
    >>> encoder.levels
    {'zone': ('east', 'west'), 'miles': None}
    >>> encoder.encode_row({"zone": "north", "miles": 3.0}).tolist()  # "north" was not seen in training
    [[nan, 3.0]]
    """
    projections = {
        each.column: text_features.fit(each, frame[each.column]) for each in declared if each.column in names
    }
    levels = {name: None if name in projections else _levels(frame[name]) for name in names}
    return Encoder(levels=levels, texts=projections)


def _levels(column: "pd.Series") -> Levels | None:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        return None
    return tuple(sorted(column.dropna().astype(str).unique()))
