"""Check that a use case is coherent: everything that it names exists, and no feature can see past the cutoff."""

import inspect
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import pandera.pandas as pa

from include import usecases
from include.usecases import column_names, contract_rules, data_requirements, feature_kinds
from include.usecases.feature_kinds import ColumnKind
from ml import targets
from ml.errors import DeclarationError
from ml.governance import privacy
from ml.ingestion.validation import parsing
from ml.usecase import (
    AsOf,
    Column,
    Delay,
    Feature,
    Function,
    Lookup,
    Ratio,
    Since,
    Table,
    Text,
    UseCase,
    Window,
    safe_names,
)

LAND_PARAMETERS = ("folder", "period", "data")


def check(use_case: UseCase) -> None:
    """Raise DeclarationError that lists every contradiction between the declaration, its schemas and its functions."""
    faults = [fault for table in use_case.tables for fault in _table_faults(use_case, table)]
    faults += _label_faults(use_case) or [
        fault for each in use_case.all_features for fault in _feature_faults(use_case, each)
    ]
    faults += _privacy_faults(use_case)
    entity_columns = _columns(use_case, use_case.table(use_case.entities))
    faults += data_requirements.faults(use_case, function_parameters(use_case), entity_columns)
    faults += _live_faults(use_case) + _source_faults(use_case)
    if faults:
        raise DeclarationError(f"the use case {use_case.name!r} contradicts itself: " + "; ".join(faults))


def schema_model(use_case: UseCase, table: Table) -> type[pa.DataFrameModel]:
    """Return the pandera model of `table`; raises DeclarationError when `schema.py` has no valid model of that name."""
    schema_class = getattr(usecases.module(use_case.name, "schema"), table.schema, None)
    if not (inspect.isclass(schema_class) and issubclass(schema_class, pa.DataFrameModel)):
        raise DeclarationError(
            f"table {table.name!r} names the schema {table.schema!r}, but schema.py has no such pandera model"
        )
    _check_model(table, schema_class)
    return schema_class


def _check_model(table: Table, model: type[pa.DataFrameModel]) -> None:
    try:
        model.to_schema()
    except Exception as error:  # pandera rejects a model with many exception types that have no common base class
        raise DeclarationError(
            f"the schema {table.schema!r} of the table {table.name!r} is not a valid pandera model: "
            f"{type(error).__name__}: {error}"
        ) from error


def functions(use_case: UseCase) -> dict[str, Callable[..., Any]]:
    """Return the public functions of the use case's `features.py` by name; empty when there is no such file."""
    return (
        _public_functions(usecases.module(use_case.name, "features"))
        if usecases.has_module(use_case.name, "features")
        else {}
    )


def function_parameters(use_case: UseCase) -> dict[str, tuple[str, ...]]:
    """Return the input columns of each function of the use case, which its parameters name."""
    columns = [name for table in use_case.tables for name in (*_columns(use_case, table), *table.derived)]
    known = [*columns, *use_case.all_names]
    return {name: _inputs(each, known) for name, each in functions(use_case).items()}


def _inputs(function: Callable[..., Any], known: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that the parameters of `function` name, among those that are `known`."""
    names = list(known)
    return tuple(safe_names.column_of(parameter, names) for parameter in inspect.signature(function).parameters)


def _public_functions(module: ModuleType) -> dict[str, Callable[..., Any]]:
    members = inspect.getmembers(module, inspect.isfunction)
    return {name: each for name, each in members if not name.startswith("_") and each.__module__ == module.__name__}


def _columns(use_case: UseCase, table: Table) -> set[str]:
    return set(schema_model(use_case, table).to_schema().columns)


def _table_faults(use_case: UseCase, table: Table) -> list[str]:
    columns = _columns(use_case, table)
    known_at = table.known_at.after if isinstance(table.known_at, Delay) else table.known_at
    named = [*table.key, *(name for name in (table.event_time, known_at, table.night) if name)]
    faults = [
        f"table {table.name!r} names the column {name!r}, which its schema lacks"
        for name in named
        if name not in columns
    ]
    faults += feature_kinds.time_faults(
        table, _column_kinds(use_case, table), use_case.lives if table.name == use_case.entities else ()
    )
    faults += column_names.faults(table, columns, use_case.table(use_case.entities).key)
    faults += (
        contract_rules.faults(table, schema_model(use_case, table))
        + _night_faults(use_case, table)
        + _type_faults(use_case, table)
        + _key_faults(use_case, table)
        + _reference_faults(use_case, table)
    )
    known = functions(use_case)
    faults += [
        f"table {table.name!r} derives {name!r}, but features.py has no such function"
        for name in table.derived
        if name not in known
    ]
    for name in table.derived:
        faults += [
            f"{name}() needs {parameter!r}, which the table {table.name!r} lacks"
            for parameter in (_inputs(known[name], columns) if name in known else ())
            if parameter not in columns
        ]
    return faults


def _night_faults(use_case: UseCase, table: Table) -> list[str]:
    column = schema_model(use_case, table).to_schema().columns.get(table.night)
    if column is None or (column.required and not column.nullable):
        return []
    return [
        f"the column {table.night!r} of table {table.name!r} gives the night of a row and may be missing, but a row "
        "without a night belongs nowhere: leave out nullable=True and Optional"
    ]


def _type_faults(use_case: UseCase, table: Table) -> list[str]:
    """Return the columns whose type cannot be parsed from text, or is nullable but has no missing value."""
    faults = []
    for name, column in schema_model(use_case, table).to_schema().columns.items():
        dtype = str(column.dtype)
        if not parsing.supports(dtype):
            faults.append(
                f"the column {name!r} of {table.name!r} has the type {dtype}, which cannot be parsed from text: use "
                "float, int, bool, str, category, pd.Timestamp for a date, or a UTC instant of ns or us"
            )
        elif column.nullable and dtype.startswith(("int", "uint", "bool")) and dtype != "boolean":
            faults.append(
                f"the column {name!r} of {table.name!r} is nullable, but {dtype} has no missing value: use float"
            )
    return faults


def _key_faults(use_case: UseCase, table: Table) -> list[str]:
    """Return the columns of the table's key, and of the entity key if the table has it, that are floats."""
    columns = schema_model(use_case, table).to_schema().columns
    entity_key = use_case.table(use_case.entities).key
    names = dict.fromkeys([*table.key, *(entity_key if set(entity_key) <= set(columns) else ())])
    return [
        f"the key column {name!r} of {table.name!r} has the type {dtype}, in which different long ids are one number: "
        "use int for whole numbers, or str"
        for name, dtype in ((name, str(columns[name].dtype)) for name in names if name in columns)
        if dtype.lower().startswith("float")
    ]


def _column_kinds(use_case: UseCase, table: Table) -> dict[str, ColumnKind]:
    """Return the kind of each column of the schema, and of the derived columns, which are numbers."""
    columns = schema_model(use_case, table).to_schema().columns
    derived: dict[str, ColumnKind] = dict.fromkeys(table.derived, "number")
    return derived | {name: feature_kinds.from_dtype(str(column.dtype)) for name, column in columns.items()}


def _reference_faults(use_case: UseCase, table: Table) -> list[str]:
    return [
        f"table {table.name!r} refers to {each.table!r} by {name!r}, which {owner.name!r} lacks"
        for each in table.references
        for owner, names in ((table, each.columns), (use_case.table(each.table), each.referenced_columns))
        for name in names
        if name not in _columns(use_case, owner)
    ]


def _label_faults(use_case: UseCase) -> list[str]:
    entities, labels = use_case.table(use_case.entities), use_case.table(use_case.task.table)
    faults = []
    if use_case.task.label not in _columns(use_case, labels) | set(labels.derived):
        faults.append(f"the label {use_case.task.label!r} is neither a column of {labels.name!r} nor derived there")
    elif _column_kinds(use_case, labels)[use_case.task.label] != "number":
        faults.append(
            f"the label {use_case.task.label!r} is not a number: "
            f"{targets.target_type(use_case).display_names.label_hint}"
        )
    if labels.known_at is None:
        faults.append(f"the label table {labels.name!r} must say when a row becomes known (known_at)")
    lacking = [name for name in entities.key if name not in _columns(use_case, labels)]
    if lacking:
        faults.append(f"the label table {labels.name!r} lacks {lacking} of the entity key, so labels cannot be joined")
    night, order = use_case.night_column, use_case.tables.index
    if night not in _columns(use_case, labels) and order(labels) < order(entities):
        faults.append(
            f"the label table {labels.name!r} does not have the {night!r} of its entities: declare it after "
            f"{entities.name!r}, which does"
        )
    return faults


def _live_faults(use_case: UseCase) -> list[str]:
    entities = use_case.table(use_case.entities)
    columns = _columns(use_case, entities)
    return [
        f"Live(before={each.before!r}) names no column of the entity table {entities.name!r}"
        for each in use_case.lives
        if each.before not in columns
    ]


def _source_faults(use_case: UseCase) -> list[str]:
    if not usecases.has_module(use_case.name, "source"):
        return []
    land = getattr(usecases.module(use_case.name, "source"), "land", None)
    if callable(land) and len(inspect.signature(land).parameters) == len(LAND_PARAMETERS):
        return []
    return [f"source.py has no function land({', '.join(LAND_PARAMETERS)}): it writes a period's files into the folder"]


def _feature_faults(use_case: UseCase, feature: Feature) -> list[str]:
    excluded = {each.column for each in use_case.excluded}
    faults: list[str] = []
    match feature:
        case Column(name) | Text(name):
            needed = [name]
        case Ratio():
            return []
        case Function(name):
            known = functions(use_case)
            if name not in known:
                return [f"Function({name!r}) is not in features.py"]
            needed = list(function_parameters(use_case)[name])
        case AsOf() | Window() | Since():
            needed = [*feature.by, *(name for name in feature.source_columns if name in excluded)]
            faults = _lookup_faults(use_case, feature)
    source = use_case.table(feature.table if isinstance(feature, Lookup) else use_case.entities)
    faults += feature_kinds.feature_faults(feature, _column_kinds(use_case, source))
    available = _columns(use_case, use_case.table(use_case.entities)) | _earlier_features(use_case, feature)
    faults += [f"the feature {feature!r} uses {name!r}, which is excluded" for name in needed if name in excluded]
    faults += [
        f"the feature {feature!r} needs {name!r}, which is not known of an entity at the cutoff"
        for name in needed
        if name not in available and name not in excluded
    ]
    return faults


def _privacy_faults(use_case: UseCase) -> list[str]:
    """Return each use of a personal column that its declaration does not allow."""
    parameters, entities = function_parameters(use_case), use_case.table(use_case.entities)
    faults = [
        f"table {table.name!r} declares {each.column!r} personal, which neither its schema nor `derived` has"
        for table in use_case.tables
        for each in table.personal
        if each.column
        not in _columns(use_case, table) | set(table.derived) | (set(parameters) if table is entities else set())
    ]
    known = privacy.personal_columns(entities, parameters)
    of_features = privacy.personal_features(use_case, parameters)
    for feature, used in privacy.personal_inputs(use_case, parameters):
        faults += [
            f"the feature {feature!r} uses the personal column {name!r}, which {_privacy_remedy('features')}"
            for name, destinations in used.items()
            if "features" not in destinations
        ]
    labels = privacy.personal_columns(use_case.table(use_case.task.table), parameters)
    if "features" not in labels.get(use_case.task.label, privacy.ALL_DESTINATIONS):
        faults.append(
            f"the label {use_case.task.label!r} is personal and is learned, but {_privacy_remedy('features')}"
        )
    faults += [
        f"the slice by {each.feature!r} reports on a personal column, which {_privacy_remedy('reports')}"
        for each in use_case.slices
        if "reports" not in of_features.get(each.feature, privacy.ALL_DESTINATIONS)
    ]
    faults += [
        f"the key of {entities.name!r} has the personal column {name!r}, and ids made from it are used everywhere: "
        "declare that it may reach features, logs and reports, or use another key"
        for name in entities.key
        if known.get(name, privacy.ALL_DESTINATIONS) != privacy.ALL_DESTINATIONS
    ]
    return faults


def _privacy_remedy(destination: str) -> str:
    return (
        f"may not reach {destination}: leave it out, or declare "
        f"Personal(column=..., may_reach=({destination!r},), why=...)"
    )


def _earlier_features(use_case: UseCase, feature: Feature) -> set[str]:
    """Return the features that a function may use: those declared before it."""
    if not isinstance(feature, Function):
        return set()
    names = use_case.all_names
    return set(names[: names.index(feature.name)])


def _lookup_faults(use_case: UseCase, feature: Lookup) -> list[str]:
    table = use_case.table(feature.table)
    available = _columns(use_case, table) | set(table.derived)
    faults = [
        f"{feature!r} names {name!r}, which the table {table.name!r} lacks"
        for name in feature.source_columns
        if name not in available
    ]
    if table.known_at is None and table.night is None:
        faults.append(
            f"{feature!r} could see past the cutoff: the table {table.name!r} does not say when a row becomes known: "
            "name a column of instants (known_at=), or the nights its rows are of (night=)"
        )
    if table.event_time is None and (isinstance(feature, AsOf) or feature.on == "event_time"):
        faults.append(f"{feature!r} needs the table {table.name!r} to name its event_time: a column of instants")
    return faults
