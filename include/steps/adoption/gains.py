"""The nightly gains of one package over another, on the stored features of past nights and the labels known by then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from include.steps import scoring_package
from include.steps.context import StepContext
from include.steps.features import build as feature_step
from include.steps.features import training_set
from include.steps.features.training_set import LabelledRows
from include.steps.scoring_package import ScoringPackage
from include.stores.table_snapshot import TableSnapshot
from ml.arrays import Floats
from ml.promotion import paired_gains
from ml.promotion.adoption import evidence
from ml.promotion.adoption.evidence import GainSeries
from ml.targets import Target


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

        Raises one of `SCORING_ERRORS` when a package cannot score the rows.
        """
        rows = self.labelled(first, last, known)
        if not len(rows.labels):
            return None
        gains = paired_gains.measure(
            rows.labels,
            self.scores(champion, rows),
            self.scores(challenger, rows),
            rows.nights,
            self.target(champion),
            centred=centred,
        )
        return evidence.by_night(gains)[1]

    def night_costs(self, digests: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """Return, for each matured night from `first` to `last`, the decision cost of each package, summed over its rows.

        Nights are ISO dates, oldest first. Raises as `nightly` does.
        """
        rows = self.labelled(self.first, self.last, self.last)
        nights, index = np.unique(rows.nights.astype(str), return_inverse=True)
        if not len(nights):
            return {}
        costs = []
        for digest in digests:
            row_costs = self.target(digest).row_cost(rows.labels, self.scores(digest, rows))
            costs.append(np.bincount(index, row_costs, len(nights)).tolist())
        return dict(zip(map(str, nights), zip(*costs, strict=True), strict=True))

    def labelled(self, first: date, last: date, known: date) -> LabelledRows:
        """Return the rows of the matured nights `first` to `last`, with the labels known at the cutoff of `known`."""
        rows = self._rows
        selected = rows[(rows["night"] >= str(first)) & (rows["night"] <= str(last))]
        return training_set.join_labels(self.context.case, known, selected, self._label_events)

    @cached_property
    def _rows(self) -> pd.DataFrame:
        version = feature_step.version(self.tables, self.context.case)
        return feature_step.read(
            self.context.settings.lake, self.context.case, str(self.first), str(self.last), version
        )

    @cached_property
    def _label_events(self) -> pd.DataFrame:
        return training_set.label_events(self.context.case, self.last, self.tables)

    def scores(self, digest: str, rows: LabelledRows) -> Floats:
        """Return the scores of a package on `rows`, shape (n,); raises as `nightly` does."""
        return self._load(digest).predict(rows.frame, self.context)

    def target(self, digest: str) -> Target:
        """Return the target of a package; raises PackageError when it is missing or damaged."""
        return self._load(digest).target(self.context.case)

    @cached_property
    def _packages(self) -> dict[str, ScoringPackage]:
        return {}

    def _load(self, digest: str) -> ScoringPackage:
        if digest not in self._packages:
            self._packages[digest] = scoring_package.load(digest, self.context.settings)
        return self._packages[digest]
