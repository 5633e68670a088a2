"""Check edge cases and fairness groups: their columns exist, and personal columns are allowed in reports."""

from collections.abc import Collection, Iterator, Mapping

from ml.governance import privacy
from ml.governance.privacy import FunctionInputs
from ml.usecase import UseCase
from ml.usecase.data import Destination

_ADVICE = "which may not reach reports: leave it out, or declare Personal(column=..., may_reach=('reports',), why=...)"


def faults(use_case: UseCase, needs: FunctionInputs, entity_columns: Collection[str]) -> list[str]:
    """Return a fault for each edge case or fairness group that names a missing column, or one barred from reports.

    `needs` has the parameters of each function of `features.py`.
    """
    reach = privacy.personal_columns(use_case.table(use_case.entities), needs) | privacy.personal_features(
        use_case, needs
    )
    return [*_condition_faults(use_case, needs, reach), *_fairness_faults(use_case, entity_columns, reach)]


def _condition_faults(
    use_case: UseCase, needs: FunctionInputs, reach: Mapping[str, frozenset[Destination]]
) -> Iterator[str]:
    conditions = [(f"the edge case {each.name!r}", each.condition) for each in use_case.edge_cases]
    if use_case.fairness and use_case.fairness.population:
        conditions.append(("fairness", use_case.fairness.population))
    for owner, condition in conditions:
        columns = [condition] if condition in use_case.feature_names else needs.get(condition)
        if columns is None:
            yield f"{owner} has the condition {condition!r}, which is neither a feature nor in features.py"
            continue
        for name in columns:
            if name not in use_case.feature_names:
                yield f"{owner} needs {name!r} for {condition}(), which is not a feature"
            elif _may_not_reach_reports(name, reach):
                yield f"{owner} reports on the personal column {name!r}, {_ADVICE}"


def _fairness_faults(
    use_case: UseCase, entity_columns: Collection[str], reach: Mapping[str, frozenset[Destination]]
) -> Iterator[str]:
    for name in use_case.fairness.group_by if use_case.fairness else ():
        if name not in use_case.feature_names and name not in entity_columns:
            yield f"fairness by {name!r} names neither a feature nor a column of {use_case.entities!r}"
        elif _may_not_reach_reports(name, reach):
            yield f"fairness by {name!r} reports on a personal column, {_ADVICE}"


def _may_not_reach_reports(name: str, reach: Mapping[str, frozenset[Destination]]) -> bool:
    return "reports" not in reach.get(name, privacy.ALL_DESTINATIONS)
