"""The champion as a challenger meets it: on the same frozen rows, or why it cannot be."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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

_REMEDY = "Mend it and train again, go back to an earlier champion, or release this challenger by `ratchet override`"


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The model to beat, `digest` None before the first; `fault` says why it cannot be evaluated.

    `used_until` is the last night that it learned from or was judged on; `facts` are its package's; `scores` are its own on the frozen rows, or
    those of the prior where it has none.
    """

    digest: str | None = None
    model: Model | None = None
    recipe: str = ""
    used_until: str = ""
    fault: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    scores: Floats = field(default_factory=lambda: np.zeros(0))

    def bar(self, recipe: str) -> GateRule:
        """Return what a challenger of `recipe` must show."""
        if self.digest is None:
            return GateRule.BOOTSTRAP
        if self.model is None:
            return GateRule.CHAMPION_UNAVAILABLE
        return GateRule.REFRESH if self.recipe == recipe else GateRule.CHANGE

    def scored_on(self, frame: pd.DataFrame, prior: float) -> "Champion":
        """Return the champion with its scores of the rows of `frame`, or with the fault that keeps it from having any."""
        base = np.full(len(frame), prior)
        if self.model is None:
            return replace(self, scores=base)
        try:
            return replace(self, scores=self.model.predict(frame))
        except DataError as fault:
            return replace(self, model=None, scores=base, fault=f"{fault}. {_REMEDY}")


def read(promoted: Entry | None, context: StepContext) -> Champion:
    """Return the champion that was `promoted`.

    One whose package is not what was promoted, or whose features mean something else by now, has a fault.
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
    """Return the last night that the champion was judged on, as the ledger tells it."""
    engine = warehouse.engine(settings.warehouse_url)
    verdicts = ledger.entries(engine, use_case=promoted.use_case, kind=EntryKind.JUDGED, subject=promoted.subject)
    evaluation = ledger_entries.read(verdicts[-1], Verdict).evaluation if verdicts else None
    return evaluation.nights[-1] if evaluation else ""
