"""What the host does around Compose: which stack is meant, and when it is well."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.platform.compose import stack
from include.platform.compose.stack import ComposeStack, Container, StackError

RUNNING = {"Status": "running", "ExitCode": 0}


def reported(service: str, state: Mapping[str, Any], **labels: str) -> dict[str, Any]:
    """Return what `docker inspect` tells of a container, as far as it matters."""
    labels = {"com.docker.compose.service": service, "com.docker.compose.oneoff": "False", **labels}
    return {"Name": f"/ratchet-{service}-1", "Config": {"Labels": labels, "Hostname": "abc"}, "State": state}


@pytest.mark.parametrize(
    ("service", "state", "well", "failed"),
    [
        pytest.param("s3", {**RUNNING, "Health": {"Status": "healthy"}}, True, False, id="healthy"),
        pytest.param("s3", {**RUNNING, "Health": {"Status": "starting"}}, False, False, id="not yet"),
        pytest.param("s3", {"Status": "restarting", "ExitCode": 1}, False, False, id="starting again"),
        pytest.param("s3", {"Status": "exited", "ExitCode": 0}, False, False, id="ended, though it should stay"),
        pytest.param("init", RUNNING, False, False, id="a job at work"),
        pytest.param("init", {"Status": "exited", "ExitCode": 0}, True, False, id="a job that is done"),
        pytest.param("init", {"Status": "exited", "ExitCode": 1}, False, True, id="a job that failed"),
    ],
)
def test_a_part_is_well_when_it_does_what_it_is_there_for(
    service: str, state: Mapping[str, Any], well: bool, failed: bool
) -> None:
    part = stack.parse_container(reported(service, state))
    assert part is not None
    assert (part.service, part.name, part.is_healthy, part.failed) == (service, f"ratchet-{service}-1", well, failed)


def test_what_a_person_runs_beside_the_stack_is_no_part_of_it() -> None:
    assert stack.parse_container(reported("ratchet", RUNNING, **{"com.docker.compose.oneoff": "True"})) is None


@dataclass(frozen=True)
class Played(ComposeStack):
    """A stack whose engine tells one thing after another."""

    reported: Iterator[list[Container]] = field(default_factory=lambda: iter(()))

    def containers(self) -> list[Container]:
        return next(self.reported)

    def log_tail(self, container: Container, lines: str = "15") -> str:
        return f"{container.service}: no room"


def part(service: str, state: str, health: str = "", code: int = 0) -> Container:
    return Container(
        service=service, name=service, hostname=f"{service}-host", state=state, exit_code=code, health=health
    )


def played(*reported: list[Container]) -> Played:
    return Played(name="x", folder=Path(), environment={}, reported=iter(reported))


def test_waiting_ends_when_all_are_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(stack, "_POLL_SECONDS", 0)
    starting = [part("s3", "running", "starting"), part("init", "created")]
    played(starting, starting, [part("s3", "running", "healthy"), part("init", "exited")]).wait()
    assert capsys.readouterr().out.count("waiting for init, s3") == 1


@pytest.mark.parametrize(
    ("result", "patience", "sentence"),
    [
        pytest.param(part("init", "exited", code=1), 60, "init is exited .*\ninit: no room", id="a job that failed"),
        pytest.param(
            part("s3", "running", "unhealthy"), -1, "s3 is running unhealthy .waited .*:\ns3: no room", id="too long"
        ),
    ],
)
def test_waiting_in_vain_ends_with_the_last_words(result: Container, patience: float, sentence: str) -> None:
    with pytest.raises(StackError, match=sentence):
        played([result]).wait(patience)


def test_the_limit_counts_only_the_time_that_a_busy_machine_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = iter([False, False, True])
    limits: list[float] = []

    class Slow:
        def __init__(self, seconds: float) -> None:
            limits.append(seconds)

        def is_spent(self) -> bool:
            return next(spent)

        def __str__(self) -> str:
            return "waited for ages"

    monkeypatch.setattr(stack, "Patience", Slow)
    monkeypatch.setattr(stack, "_POLL_SECONDS", 0)
    starting = [part("s3", "running", "starting")]
    with pytest.raises(StackError, match=r"s3 is running starting \(waited for ages\):\ns3: no room"):
        played(starting, starting, starting).wait()
    assert limits == [600]


def test_the_receivers_of_alerts_are_passed_on_by_name_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(ComposeStack, "run", lambda _, *command: commands.append(command))
    given = {"RATCHET_STACK": str(tmp_path), "RATCHET_NOTIFY_URLS": "slack://token"}
    made = stack.stack_from_environment(given)
    made.make_secrets()
    (command,) = commands
    assert command[command.index("--env") + 1] == "RATCHET_NOTIFY_URLS"
    assert "slack://token" not in " ".join(command)
    assert made.environment["RATCHET_NOTIFY_URLS"] == "slack://token"


class Refused(Played):
    """A stack that Compose does not start."""

    def build(self) -> None:
        pass

    def make_secrets(self) -> None:
        pass

    def compose(self, *words: str) -> None:
        raise StackError(f"{words[0]} ended with 1")


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        pytest.param(part("init", "exited", code=1), "init is exited .*\ninit: no room", id="a job failed"),
        pytest.param(part("init", "exited"), "up ended with 1", id="something else"),
    ],
)
def test_where_compose_fails_the_job_that_failed_has_the_last_word(result: Container, sentence: str) -> None:
    with pytest.raises(StackError, match=sentence):
        Refused(name="x", folder=Path(), environment={}, reported=iter([[result]])).start()


def test_third_parties_come_from_debian_by_one_word_and_a_named_image_wins() -> None:
    given = stack.stack_from_environment({"RATCHET_SERVICES": "debian", "RATCHET_REDIS_IMAGE": "mine"}).environment
    assert given["RATCHET_POSTGRES_IMAGE"] == "ratchet-postgres:debian"
    assert given["RATCHET_S3_IMAGE"] == "ratchet-seaweedfs:debian"
    assert given["RATCHET_REDIS_IMAGE"] == "mine"
    assert "RATCHET_POSTGRES_IMAGE" not in stack.stack_from_environment({}).environment


@pytest.mark.parametrize(
    ("environment", "profiles"),
    [
        ({"RATCHET_EXECUTOR": "CeleryExecutor"}, "celery"),
        ({"RATCHET_EXECUTOR": "CeleryExecutor", "COMPOSE_PROFILES": "grafana"}, "grafana,celery"),
        ({"RATCHET_EXECUTOR": "CeleryExecutor", "COMPOSE_PROFILES": "celery"}, "celery"),
        ({"COMPOSE_PROFILES": "grafana"}, "grafana"),
        ({}, None),
    ],
)
def test_with_celery_its_broker_and_workers_always_start(environment: dict[str, str], profiles: str | None) -> None:
    assert stack.stack_from_environment(environment).environment.get("COMPOSE_PROFILES") == profiles


def test_every_service_of_debian_is_a_target_of_the_dockerfile() -> None:
    targets = (stack.PROJECT / "include/platform/compose/services/Dockerfile").read_text()
    assert all(f" AS {name}\n" in targets for name in stack.SERVICES)


def test_what_is_stopped_is_every_profile_of_the_file() -> None:
    services = yaml.safe_load((stack.PROJECT / "docker-compose.yml").read_text())["services"].values()
    assert {name for service in services for name in service.get("profiles", ())} == set(stack._PROFILES)
