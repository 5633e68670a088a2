"""The history of the warehouse's schema, told to Alembic."""
