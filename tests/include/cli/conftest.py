"""The small houses that a migration brings from one place to another."""

from tests.include.steps.migrate.conftest import lived, lived_once, ready

__all__ = ["lived", "lived_once", "ready"]
