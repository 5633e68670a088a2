"""The board as Airflow mounts it: behind its login, in its navigation, and in no other process's way."""

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from ratchet import plugin

from include.settings import PROJECT, Settings, load_settings
from include.stores import report_paths as stored

with warnings.catch_warnings():  # Airflow's server warns of its own future as it is imported
    warnings.simplefilter("ignore")
    from airflow.api_fastapi import app as airflow_app
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.models.revoked_token import RevokedToken
    from fastapi.testclient import TestClient
    from ratchet import board

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("default")]
PATHS = ["/", "/use-cases/flights", "/ledger", "/ledger?text=one&page=1"]


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> object:
    """Airflow's simple auth manager, which signs and checks tokens as ever; nobody logged out, so no database is asked."""
    monkeypatch.setattr(RevokedToken, "is_revoked", lambda jti: False)
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a secret of this test alone, long enough for SHA-512 " * 2)
    return airflow_app.create_auth_manager()


@pytest.fixture
def client(manager: object, home: Settings) -> Iterator[TestClient]:
    """Airflow's server with nothing but the board, where the plugin puts it."""
    server = FastAPI()
    (declared,) = plugin.RatchetPlugin.fastapi_apps
    server.mount(declared["url_prefix"], declared["app"])
    with TestClient(server) as made:
        yield made


def token(manager: object, role: str | None) -> str:
    user = SimpleAuthManagerUser(username="guest", role=role)
    return str(manager.generate_jwt(user))  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_is_let_in_without_a_login(client: TestClient, path: str) -> None:
    assert client.get(f"/ratchet{path}").status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_a_token_that_is_not_airflow_s_is_refused(client: TestClient, path: str) -> None:
    client.cookies.set("_token", "e30.e30.e30")
    assert client.get(f"/ratchet{path}").status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_somebody_without_a_role_is_refused(client: TestClient, manager: object, path: str) -> None:
    client.cookies.set("_token", token(manager, None))
    assert client.get(f"/ratchet{path}").status_code == 403


@pytest.mark.parametrize("role", ["viewer", "user", "op", "admin"])
@pytest.mark.parametrize("path", PATHS)
def test_a_viewer_and_up_may_read_every_page(client: TestClient, manager: object, path: str, role: str) -> None:
    client.cookies.set("_token", token(manager, role))
    reply = client.get(f"/ratchet{path}")
    assert reply.status_code == 200
    assert 'href="/ratchet/ledger' in reply.text
    assert "default-src 'none'" in reply.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/nothing"])
def test_there_is_no_page_beside_them(client: TestClient, path: str) -> None:
    assert client.get(f"/ratchet{path}").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", PATHS)
def test_nothing_can_be_changed(client: TestClient, manager: object, path: str, method: str) -> None:
    client.cookies.set("_token", token(manager, "admin"))
    assert client.request(method, f"/ratchet{path}").status_code == 405


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/use-cases/%3Cb%3E", "expected one of the use cases"),
        ("/use-cases/flights/backtests/none/quality.svg", "expected a plot of one of the backtests"),
        ("/ledger?at=noon", "expected at to be a moment"),
        ("/ledger?page=99999999999999999999", "expected page"),
    ],
)
def test_what_cannot_be_shown_is_told_in_a_sentence(client: TestClient, manager: object, path: str, said: str) -> None:
    client.cookies.set("_token", token(manager, "viewer"))
    reply = client.get(f"/ratchet{path}")
    assert (reply.status_code, said in reply.text, "<b>" in reply.text) == (404, True, False)


def test_every_route_asks_for_a_login() -> None:
    asked = {route.path: [each.call for each in route.dependant.dependencies] for route in board.create_app().routes}
    assert set(asked) == {"/", "/use-cases/{name}", "/use-cases/{name}/backtests/{backtest}/{picture}.svg", "/ledger"}
    assert all(board.require_reader in calls for calls in asked.values())


def test_a_picture_of_a_replay_is_shown_behind_the_login(client: TestClient, manager: object, home: Settings) -> None:
    place = stored.backtests(load_settings().reports, "flights") / "2013-02-01..2013-03-01"
    place.mkdir(parents=True)
    reported = {"nights": "", "gate": False, "method": "", "caveats": "", "policies": {"headers": [], "rows": []}}
    (place / "backtest.json").write_text(json.dumps(reported | {"pictures": {"quality": "Loss."}}))
    (place / "quality.svg").write_text("<svg/>")
    path = f"/ratchet/use-cases/flights/backtests/{place.name}/quality.svg"
    assert client.get(path).status_code == 401
    client.cookies.set("_token", token(manager, "viewer"))
    page, reply = client.get("/ratchet/use-cases/flights"), client.get(path)
    assert (reply.text, reply.headers["content-type"]) == ("<svg/>", "image/svg+xml")
    assert "img-src 'self'" in page.headers["content-security-policy"]
    assert f'src="{path}"' in page.text


def test_it_stands_in_airflow_s_navigation() -> None:
    (view,) = plugin.RatchetPlugin.external_views
    assert (view["destination"], view["href"]) == ("nav", "/ratchet/")


def test_loading_the_plugin_imports_no_board_and_nothing_heavy() -> None:
    program = (
        "import sys; import airflow.plugins_manager; before = set(sys.modules); import ratchet.plugin; "
        "new = set(sys.modules) - before; print(sorted({each.split('.')[0] for each in new}))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        cwd=PROJECT / "plugins",
        check=True,
    )
    # what every process that runs tasks has anyway, and 20 ms of CPU for the timetable
    assert done.stdout.strip().splitlines()[-1] == str(["airflow", "cron_descriptor", "croniter", "ratchet"])
