"""Feature pins: a model scores only features that mean what they meant when it was trained.

A package pins the fingerprints of its features; rows and snapshots record the declarations that they were built from.
"""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from include.settings import Settings
from include.steps.context import StepContext
from include.steps.features import build as feature_step
from include.stores import feature_store, packages
from include.stores.feature_store import Service
from ml.errors import FeatureError
from ml.features import fingerprints
from ml.features.fingerprints import FeatureFingerprints
from ml.ingestion.availability import NIGHT
from ml.packaging import package_files
from ml.usecase import Live, Night, UseCase


def from_package(digest: str, settings: Settings) -> FeatureFingerprints:
    """Return the feature fingerprints that a package pins; raises FeatureError if it pins none."""
    return from_facts(digest, package_files.facts(packages.get(settings.packages, digest, settings.trusted_keys)))


def from_facts(digest: str, facts: Mapping[str, Any]) -> FeatureFingerprints:
    """Return the same as `from_package`, from the facts of the package."""
    return fingerprints.from_facts(facts, source=f"package {digest[:12]}")


def from_service(service: Service, names: Collection[str] | None = None) -> FeatureFingerprints:
    """Return the fingerprints of the features of `service`, of all or only of those in `names`."""
    return FeatureFingerprints(
        service=service.name,
        digests={name: digest for name, digest in service.digests.items() if names is None or name in names},
    )


def check_rows(digest: str, facts: Mapping[str, Any], rows: pd.DataFrame, context: StepContext) -> None:
    """Raise FeatureError unless the features of every night of `rows` mean what the package with `facts` pins."""
    pinned = from_facts(digest, facts)
    for name, nights in _services_of_rows(rows, context.case):
        if name != pinned.service:
            fingerprints.check_compatible(
                pinned,
                feature_store.load_definitions(
                    context.settings, context.case.dataset, feature_step.table(context.case.horizon), name
                ),
                pinned_by=f"package {digest[:12]} pins",
                target=f"the feature table of {nights}",
                remedy=f"build {nights} again from the declarations of {pinned.service}, or release a model that was "
                f"trained on {name}",
            )


def check_declarations(digest: str, context: StepContext) -> None:
    """Raise FeatureError unless the features as declared now mean what the package pins."""
    fingerprints.check_compatible(
        from_package(digest, context.settings),
        from_service(feature_step.service(context)),
        pinned_by=f"the champion {digest[:12]} pins",
        target=f"the use case {context.case.name}",
        remedy="the champion cannot be compared with a challenger; declare the change under a new name, and move the "
        "old feature to `retired` until a model that does not use it is champion",
    )


def check_current(rows: pd.DataFrame, context: StepContext, horizon: Night | Live | None = None) -> Service:
    """Return the service declared now; raises FeatureError unless all nights of `rows` have features of its meaning."""
    service = feature_step.service(context, horizon)
    for name, nights in _services_of_rows(rows, context.case):
        if name != service.name:
            fingerprints.check_compatible(
                from_service(service),
                feature_store.load_definitions(context.settings, context.case.dataset, service.view, name),
                pinned_by=f"the use case {context.case.name} declares",
                target=f"the feature table of {nights}",
                remedy=f"build them again with `ratchet features build {context.case.dataset} {nights}`",
            )
    return service


def _services_of_rows(rows: pd.DataFrame, case: UseCase) -> list[tuple[str, str]]:
    """Return the service names that `rows` were built under, each with its nights, e.g. `2024-03-01..2024-03-16`."""
    service_names = (
        rows[feature_step.SERVICE] if feature_step.SERVICE in rows else pd.Series(None, rows.index, dtype=object)
    )
    if service_names.isna().any():
        nights = _span(rows.loc[service_names.isna(), NIGHT])
        raise FeatureError(
            f"expected each feature row of {nights} to name the declarations that it was built from, but some name "
            f"none: build them again with `ratchet features build {case.dataset} {nights}`"
        )
    return [(str(name), _span(nights)) for name, nights in rows[NIGHT].groupby(service_names)]


def _span(nights: "pd.Series[str]") -> str:
    first, last = nights.min(), nights.max()
    return str(first) if first == last else f"{first}..{last}"
