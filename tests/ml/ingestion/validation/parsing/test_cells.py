"""Only refusals that concern a text are kept."""

import numpy as np
import pandas as pd

from ml.ingestion.validation.parsing.cells import Cells, Refusal


def test_a_refusal_without_a_text_is_left_out() -> None:
    none, second = np.array([False, False]), np.array([False, True])
    cells = Cells.refusing(pd.Series([1, 2]), ("a number", none), ("a small number", second))
    (refusal,) = cells.refusals
    assert isinstance(refusal, Refusal)
    assert (refusal.expected, refusal.mask.tolist()) == ("a small number", [False, True])
    assert Cells(values=pd.Series([1])).refusals == ()
