"""Check the rules of a table's contract: each can be applied, and Ratchet ignores nothing that the model declares."""

import warnings
from collections.abc import Iterator

import pandas as pd
import pandera.pandas as pa

from include.usecases import feature_kinds
from include.usecases.feature_kinds import ColumnKind
from ml.ingestion.validation import parsing
from ml.ingestion.validation.contract import CELL_RULES, Contract
from ml.usecase import Table

# pandera's own rules, which can be applied to every value of a column's type or to none.
_BUILT_IN = CELL_RULES | {"unique_values_eq"}
_SAMPLES: dict[ColumnKind, str] = {
    "number": "1",
    "text": "a",
    "date": "2024-01-01",
    "instant": "2024-01-01T00:00:00Z",
}


def faults(table: Table, model: type[pa.DataFrameModel]) -> list[str]:
    """Return a fault for each rule of `model` that cannot be applied, and for each declaration that has no effect.

    Each rule is applied to a table without rows and to one row. Types that cannot be parsed are faults of their own.
    """
    schema = model.to_schema()
    problems = [*_ignored(table, schema), *_unknown_columns(table, schema)]
    if not problems and all(parsing.supports(str(column.dtype)) for column in schema.columns.values()):
        problems += _inapplicable(table, schema, _sample(model))
    return problems


def _ignored(table: Table, schema: pa.DataFrameSchema) -> Iterator[str]:
    named = f"the schema {table.schema!r} of the table {table.name!r}"
    correct = "correct the values in source.py or in the files, or derive a column (derived=)"
    for name, column in schema.columns.items():
        subject = f"the column {name!r} of {table.name!r}"
        if column.parsers:
            yield f"{subject} has a @pa.parser, which Ratchet does not apply: {correct}"
        if column.default is not None:
            yield f"{subject} has a default={column.default!r}, which Ratchet does not fill in: leave it out, {correct}"
        if column.regex:
            yield f"{subject} has regex=True, but Ratchet takes names as they are: declare each column by its name"
    if schema.parsers:
        yield f"{named} has a @pa.dataframe_parser, which Ratchet does not apply: {correct}"
    if schema.index is not None:
        yield f"{named} declares an Index, but rows of files have none: declare it as a column, pandera.typing.Series"
    if schema.ordered:
        yield f"{named} has ordered=True, but columns of files may have any order: leave it out"


def _unknown_columns(table: Table, schema: pa.DataFrameSchema) -> Iterator[str]:
    for name in schema.unique or ():
        if name not in schema.columns:
            yield (
                f"the schema {table.schema!r} of the table {table.name!r} has unique={schema.unique}, but no column "
                f"{name!r}: name columns of the schema"
            )


def _inapplicable(table: Table, schema: pa.DataFrameSchema, sample: pd.DataFrame) -> Iterator[str]:
    rules = [(name, rule) for name, column in schema.columns.items() for rule in column.checks]
    for name, rule in [*rules, *((None, rule) for rule in schema.checks)]:
        reason = _failure(rule, name, sample.iloc[:0]) or _failure(rule, name, sample)
        if reason is not None:
            subject = "" if name is None else f"the column {name!r} of "
            yield f"{subject}table {table.name!r} has the rule {rule.name or rule.error}, which cannot be applied: {reason}"


def _failure(rule: pa.Check, column: str | None, rows: pd.DataFrame) -> str | None:
    """Return why `rule` cannot be applied to `rows`; None if it can.

    A function of the author may refuse the sample, whose values it does not expect, or a table without any group.
    """
    subject = rows.copy() if column is None or rule.groupby else rows[column].copy()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rule(subject, column)
    except NotImplementedError:
        return "expected it to return a bool, or a pd.Series of bools with a value for each row; return one of these"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - rules may raise anything
        if rule.name in _BUILT_IN:
            return f"expected one for {_describe(rows, column)}; correct it, or the type ({_message(error)})"
        return None if len(rows) or rule.groupby else f"it fails without rows with {_message(error)}"
    return None


def _message(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _describe(rows: pd.DataFrame, column: str | None) -> str:
    dtype = "object" if column is None else str(rows[column].dtype)
    return feature_kinds.DESCRIPTIONS[feature_kinds.from_dtype(dtype)]


def _sample(model: type[pa.DataFrameModel]) -> pd.DataFrame:
    """Return one row with a value of the type of each column, as a file's row is read."""
    contract = Contract(model)
    columns = {}
    for name, column in model.to_schema().columns.items():
        dtype = contract.types[name]
        levels = getattr(column.dtype, "categories", None)
        text = _SAMPLES[feature_kinds.from_dtype(dtype)] if levels is None else str(next(iter(levels), ""))
        cells = pd.Series([text], dtype=object)
        columns[name] = contract.to_stored(name, parsing.parse(cells, dtype).to_series(cells.index))
    return pd.DataFrame(columns)
