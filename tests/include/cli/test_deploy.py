"""`ratchet deploy` and `image` as they are typed."""

import re

import pytest
from typer.testing import CliRunner

from include import ports
from include.cli.main import app
from include.settings import Settings
from tests import served
from tests.served import USE_CASE

RUNNER = CliRunner()


@pytest.mark.parametrize("command", [["deploy", USE_CASE, "--once"], ["image", USE_CASE, "--package", "d" * 64]])
def test_a_machine_without_an_engine_is_told(
    command: list[str], home: Settings, toys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    ended = RUNNER.invoke(app, command)
    assert (ended.exit_code, "expected a Docker engine to answer" in ended.output) == (1, True)


@pytest.mark.docker
def test_containers_and_images_from_the_command_line(home: Settings, toys: None) -> None:
    digest = served.packaged(home)
    served.routed(home, digest)
    reported = RUNNER.invoke(app, ["image", USE_CASE])
    assert re.search(
        rf"^ratchet-taxi:[0-9a-f]{{12}} serves the package {digest}; the digest of its files is [0-9a-f]{{64}}",
        reported.output,
    )
    port = ["--port", str(ports.free_port(home.host))]
    try:
        assert (
            "started ratchet-taxi from ratchet-server:"
            in RUNNER.invoke(app, ["deploy", USE_CASE, "--once", *port]).output
        )
    finally:
        assert RUNNER.invoke(app, ["deploy", USE_CASE, "--remove", *port]).output == "ratchet-taxi\n"
