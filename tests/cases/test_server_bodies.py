"""A body that the server does not take is refused by what is wrong with it, as the door refuses it."""

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import load_settings
from tests import served
from tests.served import Server

pytestmark = pytest.mark.servers
BODY = b'{"entities": ["ride-0"]}'
JSON, CSV = {"content-type": "application/json"}, {"content-type": "text/csv"}


@pytest.fixture(scope="module")
def server(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the toy that nobody changes."""
    home = shutil.copytree(prepared_home, tmp_path_factory.mktemp("served") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", str(home))
        load_settings.cache_clear()
        where = load_settings()
    load_settings.cache_clear()
    served.shelved(where)
    served.routed(where, served.packaged(where))
    with served.running(where) as running:
        yield running


def test_a_body_that_is_none_of_these_is_answered(server: Server) -> None:
    assert server.client.post("/score", content=BODY, headers=JSON).status_code == 200
    assert server.client.post("/invocations", content="hour,zone\n13,a\n", headers=CSV).status_code == 200


def test_a_gzipped_body_is_answered_or_refused_by_its_encoding(server: Server) -> None:
    reply = server.client.post("/score", content=gzip.compress(BODY), headers=JSON | {"content-encoding": "gzip"})
    assert reply.status_code in (200, 415)
    assert reply.status_code == 200 or "Content-Encoding" in reply.text


def test_a_byte_order_mark_is_read_over_or_named(server: Server) -> None:
    reply = server.client.post("/score", content=b"\xef\xbb\xbf" + BODY, headers=JSON)
    assert reply.status_code == 200 or "starts with a byte order mark" in reply.text


def test_a_header_of_many_digits_is_refused_as_any_other_value(server: Server) -> None:
    headers = JSON | {"inference-header-content-length": "9" * 5000}
    assert server.client.post(f"/v2/models/{served.USE_CASE}/infer", content=b"{}", headers=headers).status_code == 422


def test_a_name_that_comes_twice_is_refused(server: Server) -> None:
    body = b'{"rows": [{"hour": 13.0, "zone": "a", "zone": "b"}]}'
    assert server.client.post("/score", content=body, headers=JSON).status_code == 422


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_answered_to_who_wants_no_body(server: Server, path: str) -> None:
    reply = server.client.head(path)
    assert (reply.status_code, reply.content) == (200, b"")


@pytest.mark.parametrize("number", ["1_000", "\uff11\uff10"], ids=["underscore", "full width"])
def test_a_number_in_csv_is_spelt_as_at_the_door(server: Server, number: str) -> None:
    reply = server.client.post("/invocations", content=f"hour,zone\n{number},a\n".encode(), headers=CSV)
    assert reply.status_code == 422
