"""The model server of the local stack answers once there is a champion, and starts and ends with the stack."""

import os
import re
from collections.abc import Iterator

import httpx
import psutil
import pytest

from include.platform.local import model_server, processes, setup
from include.platform.local.processes import LocalStack
from include.settings import Settings
from tests import served
from tests.waiting import eventually

pytestmark = pytest.mark.servers


@pytest.fixture
def stack(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalStack]:
    """A stack that is left running in a home without a champion: its model server, without Airflow."""
    monkeypatch.setattr(setup, "migrate_airflow", lambda *_: None)
    stack = processes.start(settings, components=[], served=served.USE_CASE, detached=True)
    try:
        with httpx.Client(trust_env=False) as http:
            eventually(lambda: not stack._unhealthy(http) or None)
        yield stack
    finally:
        stack.stop()


def ask(stack: LocalStack) -> httpx.Response:
    assert stack.model_server is not None
    return httpx.post(f"{stack.model_server.address}/score", json={"entities": ["ride-0"]}, trust_env=False)


def test_the_server_of_a_new_home_says_what_is_missing_and_answers_after_the_first_release(
    stack: LocalStack, settings: Settings
) -> None:
    server = stack.model_server
    assert server is not None
    refused = ask(stack)
    assert refused.status_code == 503
    expected = "taxi has no champion yet: .*routes/taxi.json does not exist; train one and release it"
    for sentence in (refused.json()["error"], *server.faults()):
        assert re.search(expected, sentence)
    process = stack.processes[model_server.NAME]
    served.shelved(settings)
    served.routed(settings, served.packaged(settings))
    eventually(lambda: not server.faults() or None)
    assert [each["entity"] for each in ask(stack).json()["answers"]] == ["ride-0"]
    assert process.poll() is None

    assert processes.down(settings) == 1
    assert process.wait() == 0
    assert server.faults() == [f"{server.address}/readyz does not answer"]


def test_the_server_has_one_process_and_none_of_airflows_keys(stack: LocalStack, settings: Settings) -> None:
    process = psutil.Process(stack.processes[model_server.NAME].pid)
    assert process.children() == []
    keys = setup.generate_secrets(settings)
    assert not {keys.jwt, keys.api, keys.fernet} & {*process.environ().values()}
    assert not any(name.startswith("AIRFLOW") for name in process.environ().keys() - os.environ.keys())
