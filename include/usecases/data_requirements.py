"""What is judged apart names what is there: edge cases their features, fairness its columns, personal ones only with leave."""

from collections.abc import Collection, Iterator, Mapping

from ml.governance import privacy
from ml.governance.privacy import Needs
from ml.usecase import UseCase
from ml.usecase.data import Place

_ADVICE = "which may not reach reports: leave it out, or declare Personal(column=..., may_reach=('reports',), why=...)"


def faults(use_case: UseCase, needs: Needs, entity_columns: Collection[str]) -> list[str]:
    """Return the edge cases and groups that name nothing, or tell reports of a personal column without leave.

    `needs` has the parameters of each function of `features.py`.
    """
    reach = privacy.personal(use_case.table(use_case.entities), needs) | privacy.features(use_case, needs)
    return [*_masks(use_case, needs, reach), *_groups(use_case, entity_columns, reach)]


def _masks(use_case: UseCase, needs: Needs, reach: Mapping[str, frozenset[Place]]) -> Iterator[str]:
    named = [(f"the edge case {each.name!r}", each.where) for each in use_case.edge_cases]
    if use_case.fairness and use_case.fairness.among:
        named.append(("fairness", use_case.fairness.among))
    for what, where in named:
        read = [where] if where in use_case.feature_names else needs.get(where)
        if read is None:
            yield f"{what} is where {where!r}, which is neither a feature nor in features.py"
            continue
        for name in read:
            if name not in use_case.feature_names:
                yield f"{what} needs {name!r} for {where}(), which is not a feature"
            elif _unreported(name, reach):
                yield f"{what} reports on the personal column {name!r}, {_ADVICE}"


def _groups(use_case: UseCase, entity_columns: Collection[str], reach: Mapping[str, frozenset[Place]]) -> Iterator[str]:
    for name in use_case.fairness.by if use_case.fairness else ():
        if name not in use_case.feature_names and name not in entity_columns:
            yield f"fairness by {name!r} names neither a feature nor a column of {use_case.entities!r}"
        elif _unreported(name, reach):
            yield f"fairness by {name!r} reports on a personal column, {_ADVICE}"


def _unreported(name: str, reach: Mapping[str, frozenset[Place]]) -> bool:
    return "reports" not in reach.get(name, privacy.EVERYWHERE)
