"""A recipe: what makes two trainings comparable as a refresh of each other; anything else is a change."""

import hashlib
from collections.abc import Mapping

from ml.usecase import Candidate, Live, Night, UseCase


def digest(use_case: UseCase, candidate: Candidate, function_sources: dict[str, str]) -> str:
    """Return the SHA-256 of task, horizon, tables, features (with the source of their functions), weighting, candidate."""
    parts = (
        use_case.task,
        use_case.horizon,
        use_case.tables,
        use_case.features,
        use_case.weighting,
        sorted(function_sources.items()),
        candidate,
    )
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()


def declared(use_case: UseCase, function_sources: dict[str, str]) -> str:
    """Return the SHA-256 of all that a use case declares, its gates among it, and of the source of its functions."""
    return hashlib.sha256(f"{use_case!r}\n{sorted(function_sources.items())!r}".encode()).hexdigest()


def features(
    use_case: UseCase, horizon: Night | Live, types: Mapping[str, str], function_sources: dict[str, str]
) -> str:
    """Return the SHA-256 of what a list of features means: declarations, types, tables and the source of functions."""
    parts = (
        horizon,
        use_case.entities,
        use_case.tables,
        use_case.features_at(horizon),
        sorted(types.items()),
        sorted(function_sources.items()),
    )
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()
