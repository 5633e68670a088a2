"""Columns and types of a use case's tables and features, derived without data, and the source code of its functions."""

import ast
import inspect
from typing import Literal

import pandas as pd

from include import usecases
from include.usecases import coherence
from ml import features as engine
from ml.ingestion.availability import KNOWN_AT
from ml.usecase import Live, Lookup, Night, Table, UseCase

FeatureType = Literal["number", "text"]


def empty_table(use_case: UseCase, table: Table) -> pd.DataFrame:
    """Return an empty frame with the columns and types of the table's valid rows."""
    types = {
        name: str(column.dtype) for name, column in coherence.schema_model(use_case, table).to_schema().columns.items()
    }
    types |= dict.fromkeys(table.derived, "float64") | {KNOWN_AT: "datetime64[ns, UTC]"}
    return pd.DataFrame({name: pd.Series(dtype=object if dtype == "str" else dtype) for name, dtype in types.items()})


def feature_types(use_case: UseCase, horizon: Night | Live) -> dict[str, FeatureType]:
    """Return the type of each feature at `horizon`, found by building the features of empty tables."""
    looked_up = {each.table for each in use_case.features_at(horizon) if isinstance(each, Lookup)}
    tables = {name: empty_table(use_case, use_case.table(name)) for name in looked_up}
    entities = empty_table(use_case, use_case.table(use_case.entities))
    with usecases.translate_errors(use_case.name, reads_rows=False):
        built = engine.build(use_case, coherence.functions(use_case), entities, tables, horizon)
    return {
        name: "number" if pd.api.types.is_float_dtype(built[name].dtype) else "text"
        for name in use_case.names_at(horizon)
    }


def check(use_case: UseCase) -> None:
    """Raise DeclarationError when a function of `features.py` fails on empty tables."""
    functions = coherence.functions(use_case)
    with usecases.translate_errors(use_case.name, reads_rows=False):
        for table in use_case.tables:
            for name in table.derived:
                engine.call_numeric(functions[name], empty_table(use_case, table))
    for horizon in use_case.horizons:
        feature_types(use_case, horizon)


def function_sources(use_case: UseCase) -> dict[str, str]:
    """Return the source of each function of `features.py`, with the statements of the file that it depends on.

    The statements keep their order in the file. Docstrings and comments inside them are part of the source.
    """
    functions = coherence.functions(use_case)
    if not functions:
        return {}
    text = inspect.getsource(usecases.module(use_case.name, "features"))
    parts = ast.parse(text).body
    code = [ast.get_source_segment(text, part) or "" for part in parts]
    bound, used = [_bound_names(part) for part in parts], [_used_names(part) for part in parts]
    source_by_name = {}
    for name in functions:
        needed, before = {name}, set[str]()
        while needed != before:
            before = set(needed)
            needed |= {each for index, names in enumerate(bound) if names & before for each in used[index]}
        source_by_name[name] = "\n".join(part for part, names in zip(code, bound, strict=True) if names & needed)
    return source_by_name


def _bound_names(statement: ast.stmt) -> set[str]:
    """Return the names that a statement of a module binds."""
    match statement:
        case ast.FunctionDef(name) | ast.ClassDef(name):
            return {name}
        case ast.Import(names) | ast.ImportFrom(names=names):
            return {(each.asname or each.name).split(".")[0] for each in names}
        case _:
            return {each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and not _is_read(each)}


def _used_names(statement: ast.stmt) -> set[str]:
    return {each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and _is_read(each)}


def _is_read(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Load)
