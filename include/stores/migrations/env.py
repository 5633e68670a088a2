"""Alembic's entry point: migrate on the connection that `warehouse.upgrade` passes, or the database of the settings."""

from alembic import context
from sqlalchemy import Connection

from include.settings import load_settings
from include.stores.warehouse import database, tables


def run(connection: Connection) -> None:
    """Run the migrations inside the transaction of `connection`."""
    context.configure(connection=connection, target_metadata=tables.METADATA)
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    run(connection)
else:
    with database.write_transaction(database.engine(load_settings().warehouse_url), lock="migrate") as connection:
        run(connection)
