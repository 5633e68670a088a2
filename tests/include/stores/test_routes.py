"""Servers answer by a routing that a trusted key signed, and by no other."""

import pytest

from include.settings import Settings
from include.stores import envelopes, routes
from ml.errors import SignatureError
from ml.routing import Routing

ROUTING = Routing(use_case="taxi", seq=3, champion="c", challenger="n", canary=0.05, release="r")


def test_what_is_published_is_read_back(home: Settings) -> None:
    path = routes.publish(ROUTING, home)
    assert routes.read(path, home.trusted_keys) == ROUTING
    before = path.stat().st_mtime_ns
    assert routes.publish(ROUTING, home) == path
    assert path.stat().st_mtime_ns == before


def test_a_routing_that_nobody_trusted_signed_is_refused(home: Settings) -> None:
    (home.secrets / envelopes.KEY_FILE).write_text(envelopes.new_key())
    path = routes.publish(ROUTING, home)
    with pytest.raises(SignatureError, match=r"taxi.json is signed by the key .* find out who wrote this"):
        routes.read(path, home.trusted_keys)


def test_a_signature_of_something_else_is_no_routing(home: Settings) -> None:
    path = routes.place(home.routes, "taxi")
    path.parent.mkdir(parents=True)
    path.write_bytes(envelopes.seal(b"{}", "application/vnd.in-toto+json", home))
    with pytest.raises(SignatureError, match="has a signature of the kind"):
        routes.read(path, home.trusted_keys)
