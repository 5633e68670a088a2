"""Create Airflow's pools, variables and connections from `airflow_settings.yaml`, a file in the Astro CLI's format."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml

from include.platform.local.airflow_client import Client
from include.settings import PROJECT, load_settings

FILE = PROJECT / "airflow_settings.yaml"


def apply(client: Client, file: Path = FILE) -> None:
    """Create or update every object that the file declares; leave all others as they are."""
    declared: dict[str, Any] = yaml.safe_load(file.read_text())["airflow"]
    for pool in declared.get("pools") or []:
        client.set_pool(pool["pool_name"], pool["pool_slot"], pool.get("pool_description"))
    for variable in declared.get("variables") or []:
        client.set_variable(variable["variable_name"], str(variable["variable_value"]))
    for connection in declared.get("connections") or []:
        client.set_connection(_connection(connection))


def _connection(declared: dict[str, Any]) -> dict[str, Any]:
    """Return a connection in the form of Airflow's REST API: `extra` as JSON text, and a URI split into its fields."""
    names = {"conn_id": "connection_id", "conn_type": "conn_type", "conn_extra": "extra"}
    names |= {f"conn_{field}": field for field in ("host", "schema", "login", "password", "port")}
    given = {key: value for key, value in declared.items() if value not in (None, "")}
    fields = _parse_uri(given.pop("conn_uri")) if "conn_uri" in given else {}
    fields |= {names[key]: value for key, value in given.items()}
    if isinstance(fields.get("extra"), dict):
        fields["extra"] = json.dumps(fields["extra"])
    return fields


def _parse_uri(uri: str) -> dict[str, Any]:
    """Return the fields of a percent-encoded Airflow connection URI: `type://login:password@host:port/schema?extra`."""
    parts = urlsplit(uri)
    fields = {
        "conn_type": parts.scheme.replace("-", "_"),
        "host": parts.hostname,
        "port": parts.port,
        "login": parts.username,
        "password": parts.password,
        "schema": parts.path.lstrip("/"),
        "extra": dict(parse_qsl(parts.query)),
    }
    return {name: unquote(value) if isinstance(value, str) else value for name, value in fields.items() if value}


def main() -> None:
    """Apply `airflow_settings.yaml` to this environment's Airflow, as its administrator."""
    with Client(load_settings()) as client:
        apply(client)


if __name__ == "__main__":
    main()
