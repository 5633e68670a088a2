"""A recipe: what makes two trainings comparable as a refresh of each other; anything else is a change."""

import hashlib

from ml.usecase import Candidate, PinballCost, UseCase, identity


def digest(use_case: UseCase, candidate: Candidate, function_sources: dict[str, str]) -> str:
    """Return the SHA-256 of task, horizon, tables, features (with the source of their functions), weighting, candidate.

    Of a number it counts which quantile is asked for: its learners learn another one when its costs change.
    """
    quantile = (use_case.cost.quantile,) if isinstance(use_case.cost, PinballCost) else ()
    parts = (
        use_case.task,
        use_case.horizon,
        use_case.tables,
        use_case.features,
        use_case.weighting,
        sorted(function_sources.items()),
        candidate,
        *quantile,
    )
    return hashlib.sha256("\n".join(map(identity.text, parts)).encode()).hexdigest()


def declaration_digest(use_case: UseCase, function_sources: dict[str, str]) -> str:
    """Return the SHA-256 of all that a use case declares, its gates among it, and of the source of its functions."""
    return hashlib.sha256(f"{identity.text(use_case)}\n{sorted(function_sources.items())!r}".encode()).hexdigest()
