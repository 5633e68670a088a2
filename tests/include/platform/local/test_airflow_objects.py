"""Airflow's objects from the Astro CLI's file: made or renewed over HTTP, others left alone."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from include.platform.local import airflow_objects
from include.platform.local.airflow_client import Client
from include.settings import Settings
from tests.rest import Server, serving

POOL = {"pool_name": "scoring", "pool_slot": 1, "pool_description": "one at a time"}
VARIABLE = {"variable_name": "hour", "variable_value": 2}
CONNECTION = {
    "conn_id": "lake",
    "conn_type": "aws",
    "conn_login": "me",
    "conn_port": 9000,
    "conn_extra": {"region": "x"},
}


def applied(settings: Settings, file: Path) -> Server:
    with serving(settings, lambda _: (200, {})) as server, Client(settings) as client:
        airflow_objects.apply(client, file)
    return server


@pytest.mark.parametrize(
    ("kind", "declared", "path", "body"),
    [
        ("pools", POOL, "pools/scoring", {"pool": "scoring", "slots": 1, "description": "one at a time", "include_deferred": False}),
        ("variables", VARIABLE, "variables/hour", {"key": "hour", "value": "2"}),
        (
            "connections",
            CONNECTION | {"conn_host": None, "conn_password": None, "conn_schema": None},
            "connections/lake",
            {"connection_id": "lake", "conn_type": "aws", "login": "me", "port": 9000, "extra": '{"region": "x"}'},
        ),
        (
            "connections",
            {"conn_id": "house", "conn_uri": "postgres://me:a%2Fb@there:5432/rows?sslmode=require"},
            "connections/house",
            {"connection_id": "house", "conn_type": "postgres", "host": "there", "port": 5432, "login": "me", "password": "a/b", "schema": "rows", "extra": '{"sslmode": "require"}'},
        ),
    ],
    ids=["a pool", "a variable", "a connection", "a connection as a URI"],
)  # fmt: skip
def test_an_object_is_sent_as_declared(
    settings: Settings, tmp_path: Path, kind: str, declared: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    file = tmp_path / "airflow_settings.yaml"
    file.write_text(yaml.safe_dump({"airflow": {kind: [declared]}}))
    (asked,) = applied(settings, file).requests
    assert (asked.method, asked.path, asked.body) == ("PATCH", path, body)


def test_a_file_that_declares_nothing_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "airflow_settings.yaml"
    file.write_text("airflow:\n  connections: []\n  pools:\n  variables: []\n")
    assert applied(settings, file).requests == []


def test_the_shipped_file_makes_the_pools_that_the_dags_run_in(settings: Settings) -> None:
    assert applied(settings, airflow_objects.FILE).paths("PATCH") == ["pools/training", "pools/scoring"]
