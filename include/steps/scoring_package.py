"""A stored package that scores feature rows, and refuses rows whose features mean something else than in its training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from include.settings import Settings
from include.steps.context import StepContext
from include.steps.features import build as feature_step
from include.steps.features import feature_pins
from include.stores import packages
from ml import targets
from ml.arrays import Floats
from ml.errors import PackageError
from ml.ingestion.availability import NIGHT
from ml.packaging import learned_span, package_files
from ml.packaging.learned_span import LearnedSpan
from ml.targets import Target
from ml.training.fitting import Model
from ml.usecase import UseCase


@dataclass(frozen=True, kw_only=True)
class ScoringPackage:
    """A model with the facts of its package; `checked` are the nights and feature services that it may score."""

    digest: str
    model: Model
    facts: Mapping[str, Any]
    checked: set[tuple[str, str]] = field(default_factory=set)

    @property
    def learned(self) -> LearnedSpan:
        """The nights that the model learned from."""
        return learned_span.from_facts(self.facts)

    def target(self, case: UseCase) -> Target:
        """Return the target that the model was trained for."""
        return targets.from_facts(case, self.facts)

    def predict(self, rows: pd.DataFrame, context: StepContext) -> Floats:
        """Return the scores of `rows`, shape (n,), which need the columns night and feature service.

        Raises FeatureError unless their features mean what the model was trained on.
        """
        if feature_step.SERVICE not in rows or rows[feature_step.SERVICE].isna().any():
            feature_pins.check_rows(self.digest, self.facts, rows, context)
        built = rows[[NIGHT, feature_step.SERVICE]].drop_duplicates()
        if new := set(built.itertuples(index=False, name=None)) - self.checked:
            feature_pins.check_rows(self.digest, self.facts, built, context)
            self.checked.update(new)
        return self.model.predict(rows)


def load(digest: str, settings: Settings) -> ScoringPackage:
    """Return the package `digest`, every byte verified against its manifest.

    Raises PackageError when the package is missing, damaged or not signed.
    """
    files = packages.get(settings.packages, digest, settings.trusted_keys)
    return ScoringPackage(digest=digest, model=package_files.load(files), facts=package_files.facts(files))


def read_learned(digest: str, settings: Settings) -> LearnedSpan:
    """Return the nights that the package `digest` learned from; unknown if it is missing, damaged or not signed."""
    try:
        files = packages.get(settings.packages, digest, settings.trusted_keys)
    except PackageError:
        return LearnedSpan()
    return learned_span.from_facts(package_files.facts(files))
