"""Recipes: a training with the same recipe as the champion is a refresh; any other training is a change."""

import hashlib

from ml.usecase import Candidate, Live, PinballCost, UseCase, identity


def digest(use_case: UseCase, candidate: Candidate, function_sources: dict[str, str]) -> str:
    """Return the SHA-256 of the recipe: task, horizon, tables, features, source of functions, weighting and candidate.

    For a regression, the digest includes the quantile that the costs imply, because learners are fitted to it.
    """
    quantile = (use_case.cost.quantile,) if isinstance(use_case.cost, PinballCost) else ()
    horizon = use_case.horizon
    live = (horizon.before, horizon.hours) if isinstance(horizon, Live) else None
    parts = (
        use_case.task,
        use_case.schedule,
        *([live] if live else []),
        *([use_case.learn_from] if use_case.learn_from != "built" else []),
        use_case.tables,
        use_case.model_features,
        use_case.weighting,
        sorted(function_sources.items()),
        candidate,
        *quantile,
    )
    return hashlib.sha256("\n".join(map(identity.text, parts)).encode()).hexdigest()


def declaration_digest(use_case: UseCase, function_sources: dict[str, str]) -> str:
    """Return the SHA-256 of a use case's whole declaration, gates included, and of the source of its functions."""
    return hashlib.sha256(f"{identity.text(use_case)}\n{sorted(function_sources.items())!r}".encode()).hexdigest()
