"""Servers answer by a routing that a key trusted for routing signed, and by no other."""

import shutil
from dataclasses import replace

import pytest

from include.settings import Settings
from include.stores import routing_store
from include.stores.signing import dsse
from include.stores.signing.dsse import PACKAGES, ROUTING
from ml.errors import SetupError, SignatureError
from ml.rollout.routing import Routing

ROUTE = Routing(use_case="taxi", seq=3, champion="c", challenger="n", canary=0.05, release="r")


def signed_as_a_package(settings: Settings) -> None:
    """Let the home sign routing with the key of packages, as it did when there was only one."""
    shutil.copy(settings.secrets / PACKAGES.key_file, settings.secrets / ROUTING.key_file)


def test_what_is_published_is_read_back(home: Settings) -> None:
    path = routing_store.write(ROUTE, home)
    assert routing_store.read(path, home.trusted_keys) == ROUTE
    before = path.stat().st_mtime_ns
    assert routing_store.write(ROUTE, home) == path
    assert path.stat().st_mtime_ns == before


def test_a_routing_that_nobody_trusted_signed_is_refused(home: Settings) -> None:
    (home.secrets / ROUTING.key_file).write_text(dsse.new_key())
    path = routing_store.write(ROUTE, home)
    with pytest.raises(SignatureError, match=r"taxi.json is signed by the key .* find out who wrote this"):
        routing_store.read(path, home.trusted_keys)


def test_who_may_sign_packages_cannot_sign_a_routing(home: Settings) -> None:
    signed_as_a_package(home)
    path = routing_store.write(ROUTE, home)
    with pytest.raises(SignatureError, match=r"is signed by the key .*, but .*routing trusts .*`ratchet sync-routing`"):
        routing_store.read(path, home.trusted_keys)


def test_a_routing_of_before_keys_were_apart_is_published_again_by_who_may(home: Settings) -> None:
    key = (home.secrets / ROUTING.key_file).read_bytes()
    signed_as_a_package(home)
    path = routing_store.write(ROUTE, home)
    (home.secrets / ROUTING.key_file).write_bytes(key)
    routing_store.write(ROUTE, home)
    assert routing_store.read(path, home.trusted_keys) == ROUTE


def test_without_its_key_a_routing_can_be_found_right_and_not_be_changed(home: Settings) -> None:
    path = routing_store.write(ROUTE, home)
    (home.secrets / ROUTING.key_file).unlink()
    assert routing_store.write(ROUTE, home) == path
    with pytest.raises(SetupError, match="expected the key that signs routing in"):
        routing_store.write(replace(ROUTE, champion="n"), home)
    assert routing_store.read(path, home.trusted_keys) == ROUTE


def test_a_signature_of_something_else_is_no_routing(home: Settings) -> None:
    path = routing_store.path_of(home.routes, "taxi")
    path.parent.mkdir(parents=True)
    path.write_bytes(dsse.sign(b"{}", "application/vnd.in-toto+json", ROUTING, home))
    with pytest.raises(SignatureError, match="has a signature of the type"):
        routing_store.read(path, home.trusted_keys)
