"""Fingerprints of feature definitions: features with the same name and fingerprint are computed in the same way.

A model pins the fingerprints of the features that it was trained on. It may score any row or snapshot that has these
features with the same fingerprints, whatever other features there are. If one of them differs, the model must not
score.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from ml.errors import FeatureError
from ml.usecase import (
    AsOf,
    Column,
    Feature,
    Function,
    Live,
    Lookup,
    Night,
    Ratio,
    Since,
    Table,
    Text,
    UseCase,
    Window,
    identity,
)
from ml.usecase.features import outputs

_DIGEST_LENGTH, _MAX_NAMED = 16, 5
_SERVICE_KEY, _DIGESTS_KEY = "feature_service", "feature_definitions"


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureFingerprints:
    """The name of a feature service, and the fingerprint of each of its features."""

    service: str
    digests: Mapping[str, str]

    @property
    def facts(self) -> dict[str, object]:
        """The facts that packages and snapshots store; JSON values."""
        return {_SERVICE_KEY: self.service, _DIGESTS_KEY: dict(self.digests)}


def from_facts(facts: Mapping[str, object], *, source: str) -> FeatureFingerprints:
    """Return the fingerprints in the `facts` of a package or a snapshot; raises FeatureError if there are none."""
    service, digests = facts.get(_SERVICE_KEY), facts.get(_DIGESTS_KEY)
    if not isinstance(digests, Mapping):
        raise FeatureError(
            f"expected {source} to have the fingerprints of its features ({_DIGESTS_KEY!r}), but it only has "
            f"{sorted(facts)}: an older release made it; make it again"
        )
    return FeatureFingerprints(service=str(service), digests=digests)


def compute(
    use_case: UseCase,
    horizon: Night | Live,
    types: Mapping[str, str],
    sources: Mapping[str, str],
    function_inputs: Mapping[str, tuple[str, ...]],
) -> dict[str, str]:
    """Return the fingerprint of each feature at `horizon`: of its declaration, type, horizon, tables, code and inputs.

    `types` has the type of each feature, `sources` the code of each function, and `function_inputs` the columns that it
    takes. References between tables and privacy are not part of a fingerprint. Neither is the encoding of a text, which
    is fitted and stored in the package.
    """
    entities = use_case.table(use_case.entities)
    horizon_identity = (horizon.before, horizon.hours) if isinstance(horizon, Live) else horizon
    stored = outputs(each for each in use_case.features_at(horizon) if isinstance(each, Column | Text))
    digests: dict[str, str] = {}
    # Lookups first, in the order of computation: a function may take any of them.
    for feature in sorted(use_case.features_at(horizon), key=lambda each: not isinstance(each, Lookup)):
        table = use_case.table(feature.table) if isinstance(feature, Lookup) else entities
        known_digests = {name: sources[name] for name in table.derived}
        if not isinstance(feature, Lookup):
            known_digests |= {name: digest for name, digest in digests.items() if name not in stored}
        inputs = [known_digests.get(each, each) for each in _inputs(feature, function_inputs)]
        for name in feature.outputs:
            code = sources[name] if isinstance(feature, Function) else known_digests.get(name, "")
            parts = (
                horizon_identity,
                _row_identity(entities),
                _row_identity(table),
                types[name],
                name,
                *_definition(feature, name),
                inputs,
                code,
            )
            digests[name] = hashlib.sha256(identity.text(parts).encode()).hexdigest()[:_DIGEST_LENGTH]
    return {name: digests[name] for name in use_case.names_at(horizon)}


def combined_digest(digests: Mapping[str, str]) -> str:
    """Return the SHA-256 over features and their fingerprints, which does not depend on their order.

    >>> combined_digest({"late": "9a", "zone": "1f"}) == combined_digest({"zone": "1f", "late": "9a"})
    True
    """
    return hashlib.sha256(json.dumps(dict(digests), sort_keys=True).encode()).hexdigest()


def check_compatible(
    pinned: FeatureFingerprints, available: FeatureFingerprints, *, pinned_by: str, target: str, remedy: str
) -> None:
    """Raise FeatureError unless `available` has all features of `pinned` with the same fingerprints; it may have more.

    >>> pinned = FeatureFingerprints(service="taxi_1", digests={"late": "9a"})
    >>> available = FeatureFingerprints(service="taxi_2", digests={"late": "7b", "zone": "1f"})
    >>> check_compatible(pinned, available, pinned_by="m pins", target="it", remedy="...")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ml.errors.FeatureError: ... it has those of taxi_2, which defines late differently: ...
    """
    missing = [name for name in pinned.digests if name not in available.digests]
    different = [name for name, digest in pinned.digests.items() if available.digests.get(name, digest) != digest]
    if missing or different:
        faults = [f"lacks {_format_names(missing)}"] if missing else []
        faults += [f"defines {_format_names(different)} differently"] if different else []
        raise FeatureError(
            f"expected {target} to have the features of {pinned.service}, which {pinned_by}, but it has those of "
            f"{available.service}, which {' and '.join(faults)}: {remedy}"
        )


def _inputs(feature: Feature, function_inputs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the columns, stored or computed, from which a feature is computed."""
    match feature:
        case Function(name):
            return function_inputs[name]
        case Ratio():
            return (feature.numerator, feature.denominator)
        case Column(name) | Text(name):
            return (name,)
        case Window():
            return (feature.column,)
        case Since():
            return (feature.condition,) if feature.condition else ()
        case AsOf():
            return ()


def _definition(feature: Feature, name: str) -> tuple[object, ...]:
    """Return the part of a declaration that determines its column `name`; its other columns may change."""
    kind = type(feature).__name__
    match feature:
        case Window():
            return (kind, feature.how, feature.by, feature.on, feature.shrinkage, feature.lookback_seconds[name])
        case AsOf():
            return (kind, feature.by, feature.within_hours)
        case Since() | Ratio():
            return (kind, feature)
        case Column() | Text() | Function():
            return (kind,)


def _row_identity(table: Table) -> tuple[object, ...]:
    """Return the declarations that determine when the rows of a table are known, and their order."""
    never = (table.never,) if table.never else ()
    written = () if table.csv.is_default else (table.csv,)
    return (table.name, table.key, table.event_time, table.known_at, table.night, table.missing, *never, *written)


def _format_names(names: list[str]) -> str:
    suffix = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + suffix
