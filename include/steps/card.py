"""The model card of a training: what the pure card needs, gathered, and the card written beside the reports."""

from collections.abc import Mapping
from datetime import date

from include.settings import Settings
from include.steps import costs
from include.steps import features as feature_step
from include.steps.training_set import Labelled
from include.stores import pages, warehouse
from include.usecases import coherence
from ml import card, dependencies, privacy
from ml.card import Card, Line
from ml.usecase import Feature, UseCase
from ml.usecase.features import title
from ml.worth import Worth


def lines(case: UseCase, when: date, worths: tuple[Worth, ...], learned: Labelled, where: Settings) -> tuple[Line, ...]:
    """Return each feature's worth beside its costs; a null share only where a report may tell of the feature."""
    needs = coherence.needs(case)
    declared: Mapping[str, Feature] = {title(each): each for each in case.features}
    built = costs.milliseconds(warehouse.engine(where.warehouse_url), case, feature_step.TABLE, when)
    reported = set(privacy.telling(case, case.feature_names, needs, "reports"))
    told = []
    for each in worths:
        took = built.get(each.feature)
        hidden = not reported.issuperset(each.columns)
        told.append(
            Line(
                worth=each,
                needs=dependencies.of(declared[each.feature], case, needs),
                milliseconds=took.value if took else None,
                rows_built=took.n if took else None,
                null_share=None if hidden else float(learned.frame[list(each.columns)].isna().to_numpy().mean()),
            )
        )
    return tuple(told)


def personal(case: UseCase) -> dict[str, frozenset[str]]:
    """Return the places that each personal column of each table may reach."""
    needs = coherence.needs(case)
    return {
        f"{table.name}.{name}": frozenset(places)
        for table in case.tables
        for name, places in privacy.personal(table, needs).items()
    }


def write(told: Card, where: Settings) -> dict[str, bytes]:
    """Write the card beside the reports, and return it and its table of features as files."""
    text = card.write(told).encode()
    pages.write_card(pages.card(where.reports, told.use_case.name, date.fromisoformat(told.night)), text)
    return {"model_card.md": text, "features.csv": card.csv(told.lines).encode()}
