"""The champion that a challenger is compared with: its scores on the same frozen rows, or why it has none."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd

from include.settings import Settings
from include.steps.context import StepContext
from include.steps.features import feature_pins
from include.stores import ledger, packages, warehouse
from ml.arrays import Floats
from ml.errors import DataError, FeatureError, PackageError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, Verdict
from ml.packaging import package_files
from ml.promotion.gate import GateRule
from ml.training.fitting import Model
from ml.usecase import Night

_REMEDY = "Mend it and train again, go back to an earlier champion, or release this challenger by `ratchet override`"


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The model to beat; `digest` is None before the first, and `fault` says why it cannot be evaluated.

    `used_until` is the last night that it was trained or judged on, `facts` are those of its package. `scores` are its
    scores on the frozen rows, or the prior if it cannot be evaluated.
    """

    digest: str | None = None
    model: Model | None = None
    recipe: str = ""
    used_until: str = ""
    fault: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    scores: Floats = field(default_factory=lambda: np.zeros(0))

    def bar(self, recipe: str) -> GateRule:
        """Return the gate rule for a challenger of `recipe`."""
        if self.digest is None:
            return GateRule.BOOTSTRAP
        if self.model is None:
            return GateRule.CHAMPION_UNAVAILABLE
        return GateRule.REFRESH if self.recipe == recipe else GateRule.CHANGE

    def count_fitted_nights(self, schedule: Night) -> int | None:
        """Return the number of nights from the first to the last that it was fitted on; None if no fact says so."""
        match self.facts.get("fitted"):
            case [str(first), str(last)]:
                return schedule.count(date.fromisoformat(first), date.fromisoformat(last)) + 1
        return None

    def scored_on(self, frame: pd.DataFrame, prior: float) -> "Champion":
        """Return the champion with its scores on the rows of `frame`, or with the fault that prevented them."""
        base = np.full(len(frame), prior)
        if self.model is None:
            return replace(self, scores=base)
        try:
            return replace(self, scores=self.model.predict(frame))
        except DataError as fault:
            return replace(self, model=None, scores=base, fault=f"{fault}. {_REMEDY}")


def read(promoted: Entry | None, context: StepContext) -> Champion:
    """Return the champion of the promotion `promoted`; for None, an empty one.

    It has a fault if its package is not the promoted bytes, or if its features mean something else now.
    """
    if promoted is None:
        return Champion()
    try:
        files = packages.get(context.settings.packages, promoted.subject, context.settings.trusted_keys)
        facts = package_files.facts(files)
        feature_pins.check_declarations(promoted.subject, context)
        return Champion(
            digest=promoted.subject,
            model=package_files.load(files),
            recipe=str(facts["recipe"]),
            used_until=str(facts["used_until"]),
            facts=facts,
        )
    except (PackageError, FeatureError) as fault:
        used = _judged_until(promoted, context.settings)
        return Champion(digest=promoted.subject, used_until=used, fault=f"{fault}. {_REMEDY}")


def _judged_until(promoted: Entry, settings: Settings) -> str:
    """Return the last night that the champion was judged on, from the ledger."""
    engine = warehouse.engine(settings.warehouse_url)
    verdicts = ledger.entries(engine, use_case=promoted.use_case, kind=EntryKind.JUDGED, subject=promoted.subject)
    evaluation = ledger_entries.read(verdicts[-1], Verdict).evaluation if verdicts else None
    return evaluation.nights[-1] if evaluation else ""
