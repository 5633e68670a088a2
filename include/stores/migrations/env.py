"""Alembic's entry: migrates on the connection that `warehouse.upgrade` hands over, or the database of the settings."""

from alembic import context
from sqlalchemy import Connection

from include.settings import load_settings
from include.stores.warehouse import database, tables


def run(connection: Connection) -> None:
    """Run the migrations inside the transaction of `connection`."""
    context.configure(connection=connection, target_metadata=tables.METADATA)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with database.write_transaction(database.engine(load_settings().warehouse_url), lock="migrate") as own:
        run(own)
