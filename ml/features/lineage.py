"""What each declared feature is made of: columns of tables, and other features."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ml.usecase import AsOf, Column, Feature, Function, Ratio, Since, Text, UseCase, Window

FunctionInputs = Mapping[str, Collection[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureLineage:
    """The columns that a declaration reads, by table, and the features that it is computed from."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    features: tuple[str, ...] = ()

    def __str__(self) -> str:
        tables = [f"{table} ({', '.join(names)})" for table, names in self.columns.items()]
        return "; ".join([*tables, *(f"the feature {name}" for name in self.features)])


def trace(feature: Feature, use_case: UseCase, function_inputs: FunctionInputs) -> FeatureLineage:
    """Return what `feature` itself is made of; `needs` has the columns that each function of the use case takes."""
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
    """Return the features that are not columns of the entity table as they stand."""
    features = use_case.features_at(use_case.live or use_case.horizon)
    return {name for each in features if not isinstance(each, Column | Text) for name in each.outputs}
