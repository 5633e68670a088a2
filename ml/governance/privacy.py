"""Privacy classes of columns, and the destinations (features, logs, reports) that personal columns may reach.

A column that is derived from personal columns is personal too. It may reach only the destinations that all of its
inputs may reach, unless it is declared itself. Values are masked by column when a text is composed: a search for
personal data in a finished text would be unreliable.
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
    """Return the personal columns of `table`, stored or derived, each with the destinations that it may reach.

    `function_inputs` has the columns that each function of the use case takes.

    >>> from ml.usecase import Personal
    >>> people = Table(name="people", schema="People", key=("person",), night="asked_at", derived=("is_adult",),
    ...                personal=(Personal(column="age", may_reach=("features",), why="priced"),))
    >>> {name: sorted(allowed) for name, allowed in personal_columns(people, {"is_adult": ("age",)}).items()}
    {'age': ['features'], 'is_adult': ['features']}
    """
    declared = {each.column: frozenset(each.may_reach) for each in table.personal}
    destinations = dict(declared)
    for name in table.derived:
        if name not in declared:
            destinations |= _derived_columns({name}, function_inputs.get(name, ()), destinations)
    return destinations


def hidden_columns(table: Table, destination: Destination, function_inputs: FunctionInputs) -> frozenset[str]:
    """Return the columns of `table` whose values must not be shown in `destination`."""
    return frozenset(
        name for name, allowed in personal_columns(table, function_inputs).items() if destination not in allowed
    )


def personal_inputs(
    use_case: UseCase, function_inputs: FunctionInputs
) -> Iterator[tuple[Feature, dict[str, frozenset[Destination]]]]:
    """Yield each feature with the personal columns that it uses and the destinations that each of these may reach.

    Every name in a feature's declaration counts as used, so that new kinds of features are covered without a change
    here.
    """
    known = personal_columns(use_case.table(use_case.entities), function_inputs)
    for feature in use_case.all_features:
        used = _personal_inputs(feature, use_case, function_inputs, known)
        yield feature, used
        known = _derived_columns(feature.outputs, used, used) | known


def personal_features(use_case: UseCase, function_inputs: FunctionInputs) -> dict[str, frozenset[Destination]]:
    """Return the personal features, each with the destinations that it may reach."""
    declared = personal_columns(use_case.table(use_case.entities), function_inputs)
    derived = (
        _derived_columns(feature.outputs, used, used) for feature, used in personal_inputs(use_case, function_inputs)
    )
    return {name: declared.get(name, allowed) for each in derived for name, allowed in each.items()}


def features_allowed_in(
    use_case: UseCase, names: Collection[str], function_inputs: FunctionInputs, *destinations: Destination
) -> list[str]:
    """Return those of `names` that may be shown in all `destinations`."""
    allowed = personal_features(use_case, function_inputs)
    return [name for name in names if allowed.get(name, ALL_DESTINATIONS) >= set(destinations)]


def classify_columns(
    table: Table, columns: Collection[str], function_inputs: FunctionInputs
) -> dict[str, PrivacyClass]:
    """Return the class of each of `columns`; a personal key column is classified as personal.

    >>> people = Table(name="people", schema="People", key=("person",), night="asked_at")
    >>> classify_columns(people, ["person", "asked_at"], {})
    {'person': 'identifier', 'asked_at': 'plain'}
    """
    personal = personal_columns(table, function_inputs)
    return {
        name: "personal" if name in personal else "identifier" if name in table.key else "plain" for name in columns
    }


def mask_value(column: str, value: object, hidden: Collection[str]) -> str:
    """Return `value` as text, or a mask if `column` is hidden.

    >>> mask_value("age", 41, hidden={"age"}), mask_value("zone", "north", hidden={"age"})
    ('***', 'north')
    """
    return MASKED if column in hidden else str(value)


def mask(rows: pd.DataFrame, hidden: Collection[str]) -> pd.DataFrame:
    """Return `rows` with all cells of the `hidden` columns masked, including missing ones."""
    return rows.assign(**{name: MASKED for name in rows.columns if name in hidden})


def mask_record(text: str, hidden: Collection[str], declared: Collection[str] | None = None) -> str:
    """Return a quarantined record, which is JSON, with the `hidden` columns masked.

    A text that is not a JSON object, or that has other names than the `declared` ones, is masked as a whole: any of
    its texts may be personal, as in a file without a header.

    >>> mask_record('{"age": "41", "zone": "north"}', hidden={"age"}, declared={"age", "zone"})
    '{"age": "***", "zone": "north"}'
    >>> mask_record('{"41": "29", "north": "south"}', hidden={"age"}, declared={"age", "zone"})
    '***'
    """
    if not hidden:
        return text
    try:
        record = json.loads(text)
    except ValueError:
        return MASKED
    if not isinstance(record, dict) or (declared is not None and not set(record) <= set(declared)):
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
    return {name: destinations for name, destinations in allowed.items() if name in names}


def _derived_columns(
    products: Collection[str], sources: Collection[str], known: AllowedDestinations
) -> dict[str, frozenset[Destination]]:
    """Return `products` with the destinations that all personal `sources` may reach; empty if none is personal."""
    allowed = [known[name] for name in sources if name in known]
    return dict.fromkeys(products, ALL_DESTINATIONS.intersection(*allowed)) if allowed else {}


def _nested_names(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _nested_names(each)
