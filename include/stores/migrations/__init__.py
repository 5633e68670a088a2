"""Alembic migrations of the warehouse's schema."""
