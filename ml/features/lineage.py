"""What each declared feature is made of: columns of tables, and other features."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ml.usecase import AsOf, Column, Feature, Function, Ratio, Since, Text, UseCase, Window

Needs = Mapping[str, Collection[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Dependencies:
    """The columns that a declaration reads, by table, and the features that it is computed from."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    features: tuple[str, ...] = ()

    def __str__(self) -> str:
        tables = [f"{table} ({', '.join(names)})" for table, names in self.columns.items()]
        return "; ".join([*tables, *(f"the feature {name}" for name in self.features)])


def of(feature: Feature, use_case: UseCase, needs: Needs) -> Dependencies:
    """Return what `feature` itself is made of; `needs` has the columns that each function of the use case takes."""
    entities = use_case.entities
    match feature:
        case Column(name) | Text(name):
            return Dependencies(columns={entities: (name,)})
        case Function(name):
            made = [each for each in needs[name] if each in _made(use_case)]
            taken = tuple(each for each in needs[name] if each not in made)
            return Dependencies(columns={entities: taken} if taken else {}, features=tuple(made))
        case Ratio():
            return Dependencies(features=(feature.of, feature.to))
        case AsOf() | Window() | Since():
            asking = {entities: feature.by} if feature.by else {}
            looked_up = dict.fromkeys((*asking.get(feature.table, ()), *feature.looked_up))
            return Dependencies(columns=asking | {feature.table: tuple(looked_up)})


def _made(use_case: UseCase) -> set[str]:
    """Return the features that are not columns of the entity table as they stand."""
    features = use_case.features_at(use_case.live or use_case.horizon)
    return {name for each in features if not isinstance(each, Column | Text) for name in each.outputs}
