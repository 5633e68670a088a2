"""A pandera model taken apart: the types of its columns, the rules of one cell, and the rules of rows and tables.

pandera's own `Check` objects are asked; only the order is ours. A rule of one cell is asked once for each distinct
value, which makes long columns of few values cheap. What any other rule returns decides its outcome: a value for each
row quarantines rows, a single one refuses the table; with `raise_warning=True` it only warns.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import pandas as pd
import pandera.pandas as pa

from ml.governance import privacy
from ml.ingestion.validation.uniqueness import Seen, repeated

_OF_ONE_CELL = frozenset(
    [
        "equal_to",
        "not_equal_to",
        "greater_than",
        "greater_than_or_equal_to",
        "less_than",
        "less_than_or_equal_to",
        "in_range",
        "isin",
        "notin",
        "str_matches",
        "str_contains",
        "str_startswith",
        "str_endswith",
        "str_length",
    ]
)
_SHOWN = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a rule refuses: the rows `lines` (index labels) for `reason`, or the table when there are none.

    `values` has what was found in each of `lines`, when the rule is about one column. `others` counts rows that are not
    named.
    """

    lines: tuple[int, ...] = ()
    reason: str
    values: tuple[str, ...] = ()
    others: int = 0

    @property
    def rows(self) -> int:
        """How many rows are refused."""
        return len(self.lines) + self.others

    def told(self) -> str:
        """Return the finding in a sentence, with one of its values."""
        rows = f" ({self.rows} rows)" if self.lines else ""
        return f"{self.reason}{f', got {self.values[0]}' if self.values else ''}{rows}"

    def brief(self, others: int = 0) -> "Finding":
        """Return the finding with one row named, and the rest (and `others` elsewhere) counted."""
        more = self.rows - len(self.lines[:1]) + others
        return replace(self, lines=self.lines[:1], values=self.values[:1], others=more)


class Contract:
    """A pandera model as `types` by column and rules to ask; values of the columns in `hidden` are not told."""

    def __init__(self, model: type[pa.DataFrameModel], hidden: Collection[str] = ()) -> None:
        schema = model.to_schema()
        self.types = {name: str(column.dtype) for name, column in schema.columns.items()}
        self.nullable = {name for name, column in schema.columns.items() if column.nullable}
        self._schema, self._hidden = schema, hidden

    def of_cells(self, column: str) -> list[pa.Check]:
        """Return the rules that can be asked of one value of `column` at a time."""
        return [each for each in self._schema.columns[column].checks if _is_of_one_cell(each)]

    def refusals(self, rows: pd.DataFrame, seen: Seen | None = None) -> list[Finding]:
        """Return what the rules of rows and tables refuse of the typed `rows`; `seen` has the keys before them."""
        return self._repeated(rows, seen) + self._ask(rows, only_warns=False)

    def warnings(self, rows: pd.DataFrame) -> list[Finding]:
        """Return what the rules that only warn say of the typed `rows`."""
        return self._ask(rows, only_warns=True)

    def shown(self, column: str, value: object) -> str:
        """Return `value` as a reason may tell it."""
        return privacy.shown(column, f"{value!s:.{_SHOWN}}", self._hidden)

    def _ask(self, rows: pd.DataFrame, *, only_warns: bool) -> list[Finding]:
        asked = [(name, rule) for name, column in self._schema.columns.items() for rule in column.checks]
        asked += [(None, rule) for rule in self._schema.checks]
        found = [
            self._finding(rows, name, rule)
            for name, rule in asked
            if not _is_of_one_cell(rule) and bool(rule.raise_warning) is only_warns
        ]
        return [each for each in found if each is not None]

    def _finding(self, rows: pd.DataFrame, column: str | None, rule: pa.Check) -> Finding | None:
        told = str(rule.error or rule.name)
        subject = rows if column is None or rule.groupby else rows[column]
        answer = rule(subject, column).check_output
        if isinstance(answer, pd.DataFrame):
            answer = answer.all(axis=1)
        if column is not None:
            told = f"{column}: expected {told}"
        if not (isinstance(answer, pd.Series) and answer.index.isin(rows.index).all()):
            return None if bool(pd.Series(answer).all()) else Finding(reason=told)
        broken = answer.index[~answer.astype(bool)]
        if broken.empty:
            return None
        values = () if column is None else tuple(self.shown(column, value) for value in rows.loc[broken, column])
        return Finding(lines=tuple(broken), reason=told, values=values)

    def _repeated(self, rows: pd.DataFrame, seen: Seen | None) -> list[Finding]:
        alone = [[name] for name, column in self._schema.columns.items() if column.unique]
        together = [self._schema.unique] if self._schema.unique else []
        rules = {f"repeats the {', '.join(names)} of a row that was kept": list(names) for names in (*alone, *together)}
        found = {rule: repeated(rows[names], rule, seen) for rule, names in rules.items()}
        return [Finding(lines=tuple(lines), reason=rule) for rule, lines in found.items() if len(lines)]


def _is_of_one_cell(rule: pa.Check) -> bool:
    return rule.name in _OF_ONE_CELL and not rule.raise_warning and not rule.groupby
