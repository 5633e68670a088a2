"""Airflow's own objects (pools, connections, variables) from `airflow_settings.yaml`, the Astro CLI's file."""

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from include import settings
from include.settings import PROJECT
from include.stack.client import Client

FILE = PROJECT / "airflow_settings.yaml"


def apply(client: Client, file: Path = FILE) -> None:
    """Make or renew every object that the file declares; what it does not name is left alone."""
    declared: dict[str, Any] = yaml.safe_load(file.read_text())["airflow"]
    for pool in declared.get("pools") or []:
        client.set_pool(pool["pool_name"], pool["pool_slot"], pool.get("pool_description"))
    for variable in declared.get("variables") or []:
        client.set_variable(variable["variable_name"], str(variable["variable_value"]))
    for connection in declared.get("connections") or []:
        client.set_connection(_connection(connection))


def _connection(declared: dict[str, Any]) -> dict[str, Any]:
    names = {"conn_id": "connection_id", "conn_type": "conn_type", "conn_extra": "extra"}
    names |= {f"conn_{field}": field for field in ("host", "schema", "login", "password", "port")}
    return {names[key]: value for key, value in declared.items() if value is not None}


def main() -> None:
    """Apply the shipped file to the Airflow of this environment, as its administrator."""
    with Client(settings.load()) as client:
        apply(client)


if __name__ == "__main__":
    main()
