"""Columns by class, and how far the personal ones may go: into features, reports and logs only where declared.

What is made of a personal column is personal too, and may go only where everything it was made of may, unless it is
declared itself. Values are hidden where a text is made, by their column: searching a finished text cannot be certain.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import astuple
from typing import Literal

import pandas as pd

from ml.usecase import Feature, Table, UseCase
from ml.usecase.data import Destination

PrivacyClass = Literal["identifier", "personal", "plain"]
FunctionInputs = Mapping[str, Collection[str]]
AllowedDestinations = Mapping[str, frozenset[Destination]]

MASKED = "***"
ALL_DESTINATIONS: frozenset[Destination] = frozenset(("features", "logs", "reports"))


def personal_columns(table: Table, function_inputs: FunctionInputs) -> dict[str, frozenset[Destination]]:
    """Return the personal columns of `table`, stored or derived, and the places that each may reach.

    `needs` has the columns that each function of the use case is made of.
    """
    declared = {each.column: frozenset(each.may_reach) for each in table.personal}
    destinations = dict(declared)
    for name in table.derived:
        if name not in declared:
            destinations |= _derived_columns({name}, function_inputs.get(name, ()), destinations)
    return destinations


def hidden_columns(table: Table, destination: Destination, function_inputs: FunctionInputs) -> frozenset[str]:
    """Return the columns of `table` whose values may not be shown in `place`."""
    return frozenset(
        name for name, allowed in personal_columns(table, function_inputs).items() if destination not in allowed
    )


def personal_inputs(
    use_case: UseCase, function_inputs: FunctionInputs
) -> Iterator[tuple[Feature, dict[str, frozenset[Destination]]]]:
    """Yield each feature with the personal columns that it uses, and the places that each of those may reach.

    Every name in a feature's declaration counts, so that a new kind of feature is held to this without being known here.
    """
    known = personal_columns(use_case.table(use_case.entities), function_inputs)
    for feature in use_case.features_at(use_case.live or use_case.horizon):
        used = _personal_inputs(feature, use_case, function_inputs, known)
        yield feature, used
        known = _derived_columns(feature.outputs, used, used) | known


def personal_features(use_case: UseCase, function_inputs: FunctionInputs) -> dict[str, frozenset[Destination]]:
    """Return the features that are personal, and the places that each may reach."""
    declared = personal_columns(use_case.table(use_case.entities), function_inputs)
    derived = (
        _derived_columns(feature.outputs, used, used) for feature, used in personal_inputs(use_case, function_inputs)
    )
    return {name: declared.get(name, allowed) for each in derived for name, allowed in each.items()}


def features_allowed_in(
    use_case: UseCase, names: Collection[str], function_inputs: FunctionInputs, *destinations: Destination
) -> list[str]:
    """Return those features of `names` that may be told in all of `places`."""
    allowed = personal_features(use_case, function_inputs)
    return [name for name in names if allowed.get(name, ALL_DESTINATIONS) >= set(destinations)]


def classify_columns(
    table: Table, columns: Collection[str], function_inputs: FunctionInputs
) -> dict[str, PrivacyClass]:
    """Return the class of each of `columns`; a key column that is personal counts as personal."""
    personal = personal_columns(table, function_inputs)
    return {
        name: "personal" if name in personal else "identifier" if name in table.key else "plain" for name in columns
    }


def mask_value(column: str, value: object, hidden: Collection[str]) -> str:
    """Return `value` as a text may tell it."""
    return MASKED if column in hidden else str(value)


def mask(rows: pd.DataFrame, hidden: Collection[str]) -> pd.DataFrame:
    """Return `rows` with every cell of the `hidden` columns masked, empty ones too."""
    return rows.assign(**{name: MASKED for name in rows.columns if name in hidden})


def mask_record(text: str, hidden: Collection[str]) -> str:
    """Return a record as quarantine keeps it (JSON) with the `hidden` columns masked.

    A text whose cells have no names is masked whole: nobody knows which of them is about a person.
    """
    if not hidden:
        return text
    try:
        record = json.loads(text)
    except ValueError:
        return MASKED
    if not isinstance(record, dict):
        return MASKED
    return json.dumps({name: MASKED if name in hidden else cell for name, cell in record.items()})


def _personal_inputs(
    feature: Feature, use_case: UseCase, function_inputs: FunctionInputs, known: AllowedDestinations
) -> dict[str, frozenset[Destination]]:
    names = set(_nested_names(astuple(feature)))
    allowed = dict(known)
    for table in use_case.tables:
        if table.name in names:
            for name, destinations in personal_columns(table, function_inputs).items():
                allowed[name] = allowed.get(name, ALL_DESTINATIONS) & destinations
    names |= {parameter for name in names - allowed.keys() for parameter in function_inputs.get(name, ())}
    return {name: places for name, places in allowed.items() if name in names}


def _derived_columns(
    products: Collection[str], sources: Collection[str], known: AllowedDestinations
) -> dict[str, frozenset[Destination]]:
    """Return `products` with the places that all of their personal `sources` may reach; nothing if none is personal."""
    allowed = [known[name] for name in sources if name in known]
    return dict.fromkeys(products, ALL_DESTINATIONS.intersection(*allowed)) if allowed else {}


def _nested_names(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _nested_names(each)
