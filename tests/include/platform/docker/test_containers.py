"""What tells one wanted container from another; the engine's part is in test_deployer."""

from dataclasses import fields, replace

import pytest

from include.platform.docker.containers import ContainerSpec

WANTED = ContainerSpec(name="front", image="server:1", network="net", user="1:1")
CHANGES: dict[str, object] = {
    "name": "other",
    "image": "server:2",
    "network": "other",
    "user": "2:2",
    "command": ("taxi",),
    "environment": {"A": "1"},
    "readable": {"/in": "/out"},
    "writable": {"/in": "/out"},
    "published": 8000,
    "memory_megabytes": 64,
    "processes": 2,
}


def test_every_field_is_tried() -> None:
    assert CHANGES.keys() == {field.name for field in fields(ContainerSpec)}


@pytest.mark.parametrize("name", CHANGES)
def test_a_container_that_should_be_different_has_another_digest(name: str) -> None:
    assert replace(WANTED, **{name: CHANGES[name]}).digest != WANTED.digest  # type: ignore[arg-type]


def test_the_same_wish_has_the_same_digest() -> None:
    ordered = {"A": "1", "B": "2"}
    assert (
        replace(WANTED, environment=ordered).digest
        == replace(WANTED, environment=dict(reversed(ordered.items()))).digest
    )
