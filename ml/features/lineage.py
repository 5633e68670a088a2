"""Lineage of features: the columns of tables and the other features from which a feature is computed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ml.usecase import AsOf, Column, Feature, Function, Ratio, Since, Text, UseCase, Window

FunctionInputs = Mapping[str, Collection[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureLineage:
    """The columns that a declaration reads, by table, and the other features that it reads."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    features: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the lineage as text.

        >>> str(FeatureLineage(columns={"rides": ("zone", "ended_at")}, features=("congestion",)))
        'rides (zone, ended_at); the feature congestion'
        """
        tables = [f"{table} ({', '.join(names)})" for table, names in self.columns.items()]
        return "; ".join([*tables, *(f"the feature {name}" for name in self.features)])


def trace(feature: Feature, use_case: UseCase, function_inputs: FunctionInputs) -> FeatureLineage:
    """Return the direct lineage of `feature`; `function_inputs` has the columns that each function takes."""
    entities = use_case.entities
    match feature:
        case Column(name) | Text(name):
            return FeatureLineage(columns={entities: (name,)})
        case Function(name):
            derived = [each for each in function_inputs[name] if each in _derived_features(use_case)]
            stored = tuple(each for each in function_inputs[name] if each not in derived)
            return FeatureLineage(columns={entities: stored} if stored else {}, features=tuple(derived))
        case Ratio():
            return FeatureLineage(features=(feature.numerator, feature.denominator))
        case AsOf() | Window() | Since():
            key_columns = {entities: feature.by} if feature.by else {}
            lookup_columns = dict.fromkeys((*key_columns.get(feature.table, ()), *feature.source_columns))
            return FeatureLineage(columns=key_columns | {feature.table: tuple(lookup_columns)})


def _derived_features(use_case: UseCase) -> set[str]:
    """Return the features that are not plain columns of the entity table."""
    return {name for each in use_case.all_features if not isinstance(each, Column | Text) for name in each.outputs}
