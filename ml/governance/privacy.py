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
from ml.usecase.data import Place

Class = Literal["identifier", "personal", "plain"]
Needs = Mapping[str, Collection[str]]
Reach = Mapping[str, frozenset[Place]]

HIDDEN = "***"
EVERYWHERE: frozenset[Place] = frozenset(("features", "logs", "reports"))


def personal(table: Table, needs: Needs) -> dict[str, frozenset[Place]]:
    """Return the personal columns of `table`, stored or derived, and the places that each may reach.

    `needs` has the columns that each function of the use case is made of.
    """
    declared = {each.column: frozenset(each.may_reach) for each in table.personal}
    found = dict(declared)
    for name in table.derived:
        if name not in declared:
            found |= _made({name}, needs.get(name, ()), found)
    return found


def hidden(table: Table, place: Place, needs: Needs) -> frozenset[str]:
    """Return the columns of `table` whose values may not be shown in `place`."""
    return frozenset(name for name, places in personal(table, needs).items() if place not in places)


def uses(use_case: UseCase, needs: Needs) -> Iterator[tuple[Feature, dict[str, frozenset[Place]]]]:
    """Yield each feature with the personal columns that it uses, and the places that each of those may reach.

    Every name in a feature's declaration counts, so that a new kind of feature is held to this without being known here.
    """
    known = personal(use_case.table(use_case.entities), needs)
    for feature in use_case.features_at(use_case.live or use_case.horizon):
        used = _used(feature, use_case, needs, known)
        yield feature, used
        known = _made(feature.outputs, used, used) | known


def features(use_case: UseCase, needs: Needs) -> dict[str, frozenset[Place]]:
    """Return the features that are personal, and the places that each may reach."""
    declared = personal(use_case.table(use_case.entities), needs)
    made = (_made(feature.outputs, used, used) for feature, used in uses(use_case, needs))
    return {name: declared.get(name, places) for each in made for name, places in each.items()}


def telling(use_case: UseCase, names: Collection[str], needs: Needs, *places: Place) -> list[str]:
    """Return those features of `names` that may be told in all of `places`."""
    reach = features(use_case, needs)
    return [name for name in names if reach.get(name, EVERYWHERE) >= set(places)]


def classes(table: Table, columns: Collection[str], needs: Needs) -> dict[str, Class]:
    """Return the class of each of `columns`; a key column that is personal counts as personal."""
    about_people = personal(table, needs)
    return {
        name: "personal" if name in about_people else "identifier" if name in table.key else "plain" for name in columns
    }


def shown(column: str, value: object, hidden: Collection[str]) -> str:
    """Return `value` as a text may tell it."""
    return HIDDEN if column in hidden else str(value)


def mask(rows: pd.DataFrame, hidden: Collection[str]) -> pd.DataFrame:
    """Return `rows` with every cell of the `hidden` columns masked, empty ones too."""
    return rows.assign(**{name: HIDDEN for name in rows.columns if name in hidden})


def mask_record(text: str, hidden: Collection[str]) -> str:
    """Return a record as quarantine keeps it (JSON) with the `hidden` columns masked.

    A text whose cells have no names is masked whole: nobody knows which of them is about a person.
    """
    if not hidden:
        return text
    try:
        record = json.loads(text)
    except ValueError:
        return HIDDEN
    if not isinstance(record, dict):
        return HIDDEN
    return json.dumps({name: HIDDEN if name in hidden else cell for name, cell in record.items()})


def _used(feature: Feature, use_case: UseCase, needs: Needs, known: Reach) -> dict[str, frozenset[Place]]:
    names = set(_names(astuple(feature)))
    reach = dict(known)
    for table in use_case.tables:
        if table.name in names:
            for name, places in personal(table, needs).items():
                reach[name] = reach.get(name, EVERYWHERE) & places
    names |= {parameter for name in names - reach.keys() for parameter in needs.get(name, ())}
    return {name: places for name, places in reach.items() if name in names}


def _made(products: Collection[str], sources: Collection[str], known: Reach) -> dict[str, frozenset[Place]]:
    """Return `products` with the places that all of their personal `sources` may reach; nothing if none is personal."""
    places = [known[name] for name in sources if name in known]
    return dict.fromkeys(products, EVERYWHERE.intersection(*places)) if places else {}


def _names(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _names(each)
