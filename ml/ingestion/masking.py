"""Quarantined rows as they may be shown: without the personal values of their table, in whatever column they came."""

from collections.abc import Collection

import pandas as pd

from ml.governance import privacy
from ml.ingestion.intake import REASONS, TEXT
from ml.ingestion.validation import reasons


def mask_quarantined(rows: pd.DataFrame, hidden: Collection[str], declared: Collection[str]) -> pd.DataFrame:
    """Return quarantined rows of a table with `hidden` columns, without their values; unchanged if there are none.

    Reasons lose the values that came. The cells of a row are all masked if it breaks a rule of a column, or if it or its
    file could not be read: if its cells are shifted, a personal value is in another column. `declared` are the columns
    of the contract.

    >>> rows = pd.DataFrame({"reasons": ["late", "age: expected a number, got 'x'"], "text": ['{"age": "1"}'] * 2})
    >>> mask_quarantined(rows, {"age"}, ["age"]).to_numpy().tolist()
    [['late', '{"age": "***"}'], ['age: expected a number', '***']]
    """
    if not hidden:
        return rows
    return rows.assign(
        **{
            TEXT: [
                privacy.MASKED
                if reasons.is_about_cells(line, declared)
                else privacy.mask_record(text, hidden, declared)
                for text, line in zip(rows[TEXT], rows[REASONS], strict=True)
            ],
            REASONS: [reasons.without_values(line) for line in rows[REASONS]],
        }
    )
