"""The parts of a pandera model: types of columns, rules on single cells, and rules on rows and tables.

The rules are pandera's own `Check` objects, applied in an order of our own. A rule on single cells is applied once to
each distinct value, which is fast for long columns with few values. The outcome of any other rule depends on what it
returns: one value per row quarantines rows, a single value refuses the table. With `raise_warning=True` it only warns.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import pandas as pd
import pandera.pandas as pa

from ml.governance import privacy
from ml.ingestion.validation.uniqueness import SeenKeys, find_duplicates

CELL_RULES = frozenset(
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
_MAX_VALUE_LENGTH = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """The violation of a rule: the rows concerned by their index labels, or the whole table if there are none.

    If the rule is on one column, `values` has the value of each of these rows. `other_rows` is the number of further
    rows, which are not listed.
    """

    row_labels: tuple[int, ...] = ()
    reason: str
    values: tuple[str, ...] = ()
    other_rows: int = 0

    @property
    def row_count(self) -> int:
        """The number of rows concerned."""
        return len(self.row_labels) + self.other_rows

    def describe(self) -> str:
        """Return the violation as a sentence with one example.

        >>> Violation(row_labels=(4, 7), reason="speed: expected at most 200", values=("1048", "300")).describe()
        'speed: expected at most 200, got 1048 (2 rows)'
        """
        rows = f" ({self.row_count} rows)" if self.row_labels else ""
        return f"{self.reason}{f', got {self.values[0]}' if self.values else ''}{rows}"

    def abbreviate(self, other_rows: int = 0) -> "Violation":
        """Return the violation with one row listed; the rest, and `other_rows` more, are only counted."""
        more = self.row_count - len(self.row_labels[:1]) + other_rows
        return replace(self, row_labels=self.row_labels[:1], values=self.values[:1], other_rows=more)


class Contract:
    """The types and rules of a pandera model; values of the `masked` columns do not appear in violations."""

    def __init__(self, model: type[pa.DataFrameModel], masked: Collection[str] = ()) -> None:
        schema = model.to_schema()
        self.types = {name: str(column.dtype) for name, column in schema.columns.items()}
        self.nullable = {name for name, column in schema.columns.items() if column.nullable}
        self._schema, self._masked = schema, masked

    def cell_rules(self, column: str) -> list[pa.Check]:
        """Return the rules on single cells of `column`; the levels of a category are such a rule if it declares them."""
        declared = self._schema.columns[column]
        levels = getattr(declared.dtype, "categories", None)
        rules = [each for each in declared.checks if _is_cell_rule(each)]
        return rules if levels is None else [pa.Check.isin(list(levels)), *rules]

    def to_stored(self, column: str, values: pd.Series) -> pd.Series:
        """Return parsed `values` of `column` in the exact type of the contract.

        Whole numbers and booleans with missing values, which only an optional column that is absent has, stay nullable.
        Texts are stored as they are: a cast would make the text `None` of a missing one.
        """
        dtype = self.types[column]
        if dtype == "str":
            return values
        stays_nullable = dtype.startswith(("int", "uint", "bool")) and values.isna().any()
        return values if stays_nullable else values.astype(pd.api.types.pandas_dtype(dtype))

    def find_violations(self, rows: pd.DataFrame, seen_keys: SeenKeys | None = None) -> list[Violation]:
        """Return the violations of rules on rows and tables; `seen_keys` has the keys of earlier chunks."""
        return self._find_duplicates(rows, seen_keys) + self._apply_rules(rows, only_warns=False)

    def find_warnings(self, rows: pd.DataFrame) -> list[Violation]:
        """Return the violations in the typed `rows` of rules that only warn."""
        return self._apply_rules(rows, only_warns=True)

    def format_value(self, column: str, value: object) -> str:
        """Return `value` as text for a reason: shortened, and masked if the column is."""
        return privacy.mask_value(column, f"{value!s:.{_MAX_VALUE_LENGTH}}", self._masked)

    def _apply_rules(self, rows: pd.DataFrame, *, only_warns: bool) -> list[Violation]:
        rules = [(name, rule) for name, column in self._schema.columns.items() for rule in column.checks]
        rules += [(None, rule) for rule in self._schema.checks]
        violations = [
            self._apply_rule(rows, name, rule)
            for name, rule in rules
            if not _is_cell_rule(rule) and bool(rule.raise_warning) is only_warns
        ]
        return [each for each in violations if each is not None]

    def _apply_rule(self, rows: pd.DataFrame, column: str | None, rule: pa.Check) -> Violation | None:
        reason = str(rule.error or rule.name)
        subject = rows if column is None or rule.groupby else rows[column]
        output = rule(subject, column).check_output
        if isinstance(output, pd.DataFrame):
            output = output.all(axis=1)
        if column is not None:
            reason = f"{column}: expected {reason}"
        if not (isinstance(output, pd.Series) and output.index.isin(rows.index).all()):
            return None if bool(pd.Series(output).all()) else Violation(reason=reason)
        broken = output.index[~output.astype(bool)]
        if broken.empty:
            return None
        values = () if column is None else tuple(self.format_value(column, value) for value in rows.loc[broken, column])
        return Violation(row_labels=tuple(broken), reason=reason, values=values)

    def _find_duplicates(self, rows: pd.DataFrame, seen_keys: SeenKeys | None) -> list[Violation]:
        alone = [[name] for name, column in self._schema.columns.items() if column.unique]
        together = [self._schema.unique] if self._schema.unique else []
        rules = {f"repeats the {', '.join(names)} of a row that was kept": list(names) for names in (*alone, *together)}
        duplicates = {rule: find_duplicates(rows[names], rule, seen_keys) for rule, names in rules.items()}
        return [Violation(row_labels=tuple(lines), reason=rule) for rule, lines in duplicates.items() if len(lines)]


def _is_cell_rule(rule: pa.Check) -> bool:
    return rule.name in CELL_RULES and not rule.raise_warning and not rule.groupby
