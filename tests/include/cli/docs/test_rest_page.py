"""The pages of the server have every route, an example for each protocol, and every metric."""

import re
from dataclasses import replace

import pytest

from include.cli.docs import rest_page
from include.serving.explanations import Contribution, Explanation


@pytest.fixture(scope="module")
def server() -> rest_page.Server:
    return rest_page.describe_server()


def test_every_route_is_listed_once(server: rest_page.Server) -> None:
    listed = re.findall(r"^\* `(GET|POST) (\S+)`", rest_page.page(server), re.MULTILINE)
    routes = [(method.upper(), path) for path, methods in server.document["paths"].items() for method in methods]
    assert sorted(listed) == sorted(routes)


def test_each_protocol_has_an_example(server: rest_page.Server) -> None:
    assert rest_page.page(server).count("```json") == 5


def test_an_explanation_has_each_of_its_fields(server: rest_page.Server) -> None:
    page = rest_page.page(server)
    one = Contribution(feature="hour", contribution=1.0, is_shown=True)
    whole = Explanation(raw=1.0, calibration={}, contributions=(one,))
    names = {*whole.to_json(), *replace(whole, unavailable="why").to_json()}
    for name in names | {f"contributions[].{each}" for each in one.to_json()}:
        assert f"* `{name}`: " in page


def test_metrics_have_kind_and_meaning(server: rest_page.Server) -> None:
    page = rest_page.metrics_page(server)
    assert "* `ratchet_requests_total` (counter): " in page
    assert "* `ratchet_ready` (gauge): " in page
    assert "_created" not in page
