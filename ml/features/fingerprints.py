"""What each feature means, as a digest: two features of one name with one digest are the same, whoever built them.

A model pins the digests of the features that it learned from. It may meet any row or snapshot in which these mean the
same, whatever other features have come or gone since; where one of them means something else, it must not answer.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from ml.errors import FeatureError
from ml.usecase import AsOf, Column, Feature, Function, Live, Lookup, Night, Ratio, Since, Table, Text, UseCase, Window
from ml.usecase.features import outputs

_SHORT, _SHOWN = 16, 5
_SERVICE, _DIGESTS = "feature_service", "feature_definitions"


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """A feature service by name, and the digest of what each of its features means."""

    service: str
    digests: Mapping[str, str]

    @property
    def facts(self) -> dict[str, object]:
        """What packages and snapshots say of themselves; JSON values."""
        return {_SERVICE: self.service, _DIGESTS: dict(self.digests)}


def told(facts: Mapping[str, object], *, of: str) -> Declared:
    """Return what the `facts` of a package or a snapshot say; raises FeatureError where they say nothing."""
    service, digests = facts.get(_SERVICE), facts.get(_DIGESTS)
    if not isinstance(digests, Mapping):
        raise FeatureError(
            f"expected {of} to say what its features mean ({_DIGESTS!r}), but it only has {sorted(facts)}: "
            "it was made before that was written down; make it anew"
        )
    return Declared(service=str(service), digests=digests)


def of(
    use_case: UseCase,
    horizon: Night | Live,
    types: Mapping[str, str],
    sources: Mapping[str, str],
    needs: Mapping[str, tuple[str, ...]],
) -> dict[str, str]:
    """Return the digest of what each feature at `horizon` means: declaration, type, clock, tables, code, and all below it.

    `sources` has the code of each function, `needs` the columns that it is made of. What a table's rows must refer to,
    who may see them, and what a text becomes (fitted, it travels in the package) is no part of a meaning.
    """
    entities = use_case.table(use_case.entities)
    clock = (horizon.before, horizon.hours) if isinstance(horizon, Live) else horizon
    stored = outputs(each for each in use_case.features_at(horizon) if isinstance(each, Column | Text))
    found: dict[str, str] = {}
    # Look-ups first, as they are built: a function may be made of any of them.
    for feature in sorted(use_case.features_at(horizon), key=lambda each: not isinstance(each, Lookup)):
        table = use_case.table(feature.table) if isinstance(feature, Lookup) else entities
        known = {name: sources[name] for name in table.derived}
        if not isinstance(feature, Lookup):
            known |= {name: digest for name, digest in found.items() if name not in stored}
        made_of = [known.get(each, each) for each in _below(feature, needs)]
        for name in feature.outputs:
            code = sources[name] if isinstance(feature, Function) else known.get(name, "")
            meaning = (clock, _rows(entities), _rows(table), types[name], name, *_rule(feature, name), made_of, code)
            found[name] = hashlib.sha256(repr(meaning).encode()).hexdigest()[:_SHORT]
    return {name: found[name] for name in use_case.names_at(horizon)}


def version(digests: Mapping[str, str]) -> str:
    """Return the SHA-256 of a list of features and what each means, whatever its order."""
    return hashlib.sha256(json.dumps(dict(digests), sort_keys=True).encode()).hexdigest()


def require(pinned: Declared, found: Declared, *, whose: str, where: str, remedy: str) -> None:
    """Raise FeatureError unless every feature that `pinned` has means the same in `found`; others may be there too."""
    lacking = [name for name in pinned.digests if name not in found.digests]
    other = [name for name, digest in pinned.digests.items() if found.digests.get(name, digest) != digest]
    if lacking or other:
        faults = [f"lacks {_listed(lacking)}"] if lacking else []
        faults += [f"means something else by {_listed(other)}"] if other else []
        raise FeatureError(
            f"expected {where} to have the features of {pinned.service}, which {whose}, but it has those of "
            f"{found.service}, which {' and '.join(faults)}: {remedy}"
        )


def _below(feature: Feature, needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the columns, stored, derived or made before, that a feature is made of."""
    match feature:
        case Function(name):
            return needs[name]
        case Ratio():
            return (feature.of, feature.to)
        case Column(name) | Text(name):
            return (name,)
        case Window():
            return (feature.of,)
        case Since():
            return (feature.where,) if feature.where else ()
        case AsOf():
            return ()


def _rule(feature: Feature, name: str) -> tuple[object, ...]:
    """Return what a declaration says of its one column `name`: its others may come and go."""
    kind = type(feature).__name__
    match feature:
        case Window():
            return (kind, feature.how, feature.by, feature.on, feature.shrinkage, feature.seconds[name])
        case AsOf():
            return (kind, feature.by, feature.within_hours)
        case Since() | Ratio():
            return (kind, feature)
        case Column() | Text() | Function():
            return (kind,)


def _rows(table: Table) -> tuple[object, ...]:
    """Return what decides which rows of a table are known when, and which of them is the later one."""
    return (table.name, table.key, table.event_time, table.known_at, table.night, table.missing)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
