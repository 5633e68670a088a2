"""What each feature means, as a digest: two features of one name with one digest are the same, whoever built them.

A model pins the digests of the features that it learned from. It may meet any row or snapshot in which these mean the
same, whatever other features have come or gone since; where one of them means something else, it must not answer.
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
    """A feature service by name, and the digest of what each of its features means."""

    service: str
    digests: Mapping[str, str]

    @property
    def facts(self) -> dict[str, object]:
        """What packages and snapshots say of themselves; JSON values."""
        return {_SERVICE_KEY: self.service, _DIGESTS_KEY: dict(self.digests)}


def from_facts(facts: Mapping[str, object], *, source: str) -> FeatureFingerprints:
    """Return what the `facts` of a package or a snapshot say; raises FeatureError where they say nothing."""
    service, digests = facts.get(_SERVICE_KEY), facts.get(_DIGESTS_KEY)
    if not isinstance(digests, Mapping):
        raise FeatureError(
            f"expected {source} to say what its features mean ({_DIGESTS_KEY!r}), but it only has {sorted(facts)}: "
            "it was made before that was written down; make it anew"
        )
    return FeatureFingerprints(service=str(service), digests=digests)


def compute(
    use_case: UseCase,
    horizon: Night | Live,
    types: Mapping[str, str],
    sources: Mapping[str, str],
    function_inputs: Mapping[str, tuple[str, ...]],
) -> dict[str, str]:
    """Return the digest of what each feature at `horizon` means: declaration, type, clock, tables, code, and all below it.

    `sources` has the code of each function, `needs` the columns that it is made of. What a table's rows must refer to,
    who may see them, and what a text becomes (fitted, it travels in the package) is no part of a meaning.
    """
    entities = use_case.table(use_case.entities)
    horizon_identity = (horizon.before, horizon.hours) if isinstance(horizon, Live) else horizon
    stored = outputs(each for each in use_case.features_at(horizon) if isinstance(each, Column | Text))
    digests: dict[str, str] = {}
    # Look-ups first, as they are built: a function may be made of any of them.
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
    """Return the SHA-256 of a list of features and what each means, whatever its order."""
    return hashlib.sha256(json.dumps(dict(digests), sort_keys=True).encode()).hexdigest()


def check_compatible(
    pinned: FeatureFingerprints, available: FeatureFingerprints, *, pinned_by: str, target: str, remedy: str
) -> None:
    """Raise FeatureError unless every feature that `pinned` has means the same in `found`; others may be there too."""
    missing = [name for name in pinned.digests if name not in available.digests]
    different = [name for name, digest in pinned.digests.items() if available.digests.get(name, digest) != digest]
    if missing or different:
        faults = [f"lacks {_format_names(missing)}"] if missing else []
        faults += [f"means something else by {_format_names(different)}"] if different else []
        raise FeatureError(
            f"expected {target} to have the features of {pinned.service}, which {pinned_by}, but it has those of "
            f"{available.service}, which {' and '.join(faults)}: {remedy}"
        )


def _inputs(feature: Feature, function_inputs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the columns, stored, derived or made before, that a feature is made of."""
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
    """Return what a declaration says of its one column `name`: its others may come and go."""
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
    """Return what decides which rows of a table are known when, and which of them is the later one."""
    return (table.name, table.key, table.event_time, table.known_at, table.night, table.missing)


def _format_names(names: list[str]) -> str:
    suffix = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + suffix
