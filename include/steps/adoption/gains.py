"""The nightly gains of one package over another, on the stored features of past nights and the labels known by then."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import pandas as pd

from include.steps.context import StepContext
from include.steps.features import build as feature_step
from include.steps.features import training_set
from include.steps.features.training_set import LabelledRows
from include.stores import packages
from include.stores.table_snapshot import TableSnapshot
from ml import targets
from ml.packaging import package_files
from ml.promotion import paired_gains
from ml.promotion.adoption import evidence
from ml.promotion.adoption.evidence import GainSeries
from ml.targets import Target
from ml.training.fitting import Model


@dataclass(frozen=True, kw_only=True)
class PackageGains:
    """Computes gains between packages; the rows from `first` to `last` and all label events are read once."""

    context: StepContext
    tables: TableSnapshot
    first: date
    last: date

    def nightly(
        self, champion: str, challenger: str, first: date, last: date, known: date, *, centred: bool = True
    ) -> GainSeries | None:
        """Return the nightly gains of the package `challenger` over `champion`; see `evidence.Nightly`.

        Raises PackageError when a package is missing or damaged, and DataError when it cannot score the rows.
        """
        rows = self._labelled(first, last, known)
        if not len(rows.labels):
            return None
        target, champion_model = self._load(champion)
        _, challenger_model = self._load(challenger)
        gains = paired_gains.measure(
            rows.labels,
            champion_model.predict(rows.frame),
            challenger_model.predict(rows.frame),
            rows.nights,
            target,
            centred=centred,
        )
        return evidence.by_night(gains)[1]

    def _labelled(self, first: date, last: date, known: date) -> LabelledRows:
        rows = self._rows
        selected = rows[(rows["night"] >= str(first)) & (rows["night"] <= str(last))]
        return training_set.join_labels(self.context.case, known, selected, self._label_events)

    @cached_property
    def _rows(self) -> pd.DataFrame:
        version = self.tables.version(feature_step.STAGE, feature_step.table())
        return feature_step.read(
            self.context.settings.lake, self.context.case, str(self.first), str(self.last), version
        )

    @cached_property
    def _label_events(self) -> pd.DataFrame:
        return training_set.label_events(self.context.case, self.last, self.tables)

    @cached_property
    def _models(self) -> dict[str, tuple[Target, Model]]:
        return {}

    def _load(self, digest: str) -> tuple[Target, Model]:
        if digest not in self._models:
            settings = self.context.settings
            files = packages.get(settings.packages, digest, settings.trusted_keys)
            target = targets.from_facts(self.context.case, package_files.facts(files))
            self._models[digest] = (target, package_files.load(files))
        return self._models[digest]
