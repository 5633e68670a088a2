"""Laws of docker-compose.yml: what holds for every container, whatever is added to it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.platform.compose import secret_files
from include.platform.compose import stack as stack_module
from include.platform.local import environment
from include.platform.local.environment import AirflowSecrets
from include.settings import PROJECT, Settings

FILE = PROJECT / "docker-compose.yml"
WHOLE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = WHOLE["services"]
EACH = pytest.mark.parametrize("name", SERVICES)
BY_HAND = ("ratchet",)
# With these one is whoever one likes to Airflow.
AIRFLOWS = {"airflow", "airflow_fernet", "airflow_jwt", "airflow_api", "passwords.json"}
# What Compose 1.29 of Debian and Compose 2 to 5 both understand, and this file needs.
WORDS = {
    *(
        "build",
        "cap_add",
        "cap_drop",
        "command",
        "depends_on",
        "entrypoint",
        "environment",
        "healthcheck",
        "image",
        "init",
    ),
    *("logging", "mem_limit", "network_mode", "networks", "pids_limit", "ports", "profiles", "read_only", "restart"),
    *("secrets", "security_opt", "shm_size", "stop_grace_period", "tmpfs", "user", "volumes"),
}
STORES = {"postgres", "redis", "broker", "s3", "databases"}
PROMOTING = {"approval.key", "routing.key", "warehouse_promotion"}


def variables(service: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in (service.get("environment") or {}).items()}


def named_by(service: dict[str, Any]) -> Iterator[str]:
    """Yield the secrets that a service looks for: in variables that name files or commands, and in its command."""
    reported = " ".join(
        [*variables(service).values(), *map(str, service.get("command") or ()), str(service.get("healthcheck"))]
    )
    yield from {
        word.split("/run/secrets/")[1].strip("'\")}];,") for word in reported.split() if "/run/secrets/" in word
    }


@EACH
def test_a_container_has_limits_no_rights_and_a_policy_of_starting_again(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"]
    assert 0 < service["pids_limit"] <= 512
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service.get("cap_add", ())) <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
    assert service["restart"] == ("no" if name in (*stack_module.JOBS, *BY_HAND) else "unless-stopped")
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {*stack_module.JOBS, *BY_HAND}))
def test_a_container_that_stays_says_whether_it_is_well(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@EACH
def test_nothing_is_published_beyond_this_machine(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@EACH
def test_no_secret_is_in_an_environment(name: str) -> None:
    result = variables(SERVICES[name])
    secret = [
        each for each in result if any(word in each for word in ("PASSWORD", "SECRET", "TOKEN", "FERNET", "_KEY"))
    ]
    assert [each for each in secret if not each.endswith(("_FILE", "_CMD", "RATCHET_SECRETS", "_TRUSTED_KEYS"))] == []
    assert [value for value in result.values() if "://" in value and "@" in value] == []


@EACH
def test_a_container_has_the_secrets_that_it_looks_for(name: str) -> None:
    # With the executor of one machine, the words for Celery and for the login page are there and nobody asks for them.
    unused = {"passwords.json"} | (set() if "worker" in name else {"celery_broker"})
    assert set(named_by(SERVICES[name])) - {""} <= set(SERVICES[name].get("secrets", ())) | unused


def test_every_secret_is_made_by_the_keyring_and_given_to_somebody() -> None:
    given = {secret for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert given == WHOLE["secrets"].keys() == secret_files.NAMES
    assert {each["file"] for each in WHOLE["secrets"].values()} == {
        f"${{RATCHET_STACK:-./var/stack}}/secrets/{name}" for name in secret_files.NAMES
    }


def test_who_trains_cannot_release_and_who_answers_reaches_no_store() -> None:
    holders = {name for name, service in SERVICES.items() if PROMOTING & set(service.get("secrets", ()))}
    assert holders == {"scheduler", "worker-promotion", "ratchet", *stack_module.JOBS[:2]}
    assert "package.key" not in SERVICES["worker-promotion"]["secrets"]
    for worker in ("worker", "worker-promotion"):
        assert not AIRFLOWS & set(SERVICES[worker]["secrets"])
    assert "routes:/var/lib/ratchet/routes:ro" in SERVICES["worker"]["volumes"]
    assert SERVICES["server"]["secrets"] == ["serving_token"]
    assert SERVICES["server"]["networks"] == ["serving"]
    assert not any("serving" in SERVICES[name]["networks"] for name in STORES)
    assert WHOLE["networks"]["stores"]["internal"] is True


def test_who_runs_tasks_or_their_callbacks_knows_the_receivers_of_alerts() -> None:
    path = "/run/secrets/notify_urls"
    senders = {name for name, each in SERVICES.items() if variables(each).get("RATCHET_NOTIFY_URLS_FILE") == path}
    assert senders == {"scheduler", "dag-processor", "triggerer", "worker", "worker-promotion"}
    assert senders == {name for name, each in SERVICES.items() if "notify_urls" in each.get("secrets", ())}
    assert all("out" in SERVICES[name]["networks"] for name in senders)


def test_the_locked_celery_is_one_that_airflows_provider_can_import(tmp_path: Path) -> None:
    program = "import airflow.providers.celery.executors.celery_executor_utils"
    done = subprocess.run([sys.executable, "-c", program], env={"AIRFLOW_HOME": str(tmp_path)}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_only_the_deployer_has_the_engine_and_it_has_no_network() -> None:
    holders = [name for name, service in SERVICES.items() if "docker.sock" in str(service.get("volumes"))]
    assert holders == ["deployer"]
    assert SERVICES["deployer"]["network_mode"] == "none"
    assert not SERVICES["deployer"].get("secrets")


def test_the_file_says_nothing_that_one_of_the_composes_does_not_understand() -> None:
    assert {key for key in WHOLE if not key.startswith("x-")} == {"services", "networks", "volumes", "secrets"}
    for service in SERVICES.values():
        assert set(service) <= WORDS
        assert set(service.get("build", ())) <= {"context", "args", "target", "network", "dockerfile"}
        assert all(set(each) == {"condition"} for each in service.get("depends_on", {}).values())
        assert "start_interval" not in service.get("healthcheck", {})
        assert all(isinstance(port, str) for port in service.get("ports", ()))
        assert all(isinstance(volume, str) for volume in service.get("volumes", ()))


@pytest.mark.parametrize("compose", [("docker", "compose"), ("docker-compose",)], ids=["plugin", "1.29"])
def test_a_compose_that_is_here_takes_the_file(compose: tuple[str, ...], tmp_path: Path) -> None:
    if not shutil.which(compose[0]) or subprocess.run([*compose, "version"], capture_output=True).returncode:
        pytest.skip(f"{' '.join(compose)} is not here")
    environ = {**os.environ, "RATCHET_STACK": str(tmp_path)}
    done = subprocess.run([*compose, "config", "--services"], cwd=PROJECT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "api-server" in done.stdout.split()


def test_airflow_is_configured_as_embedded_but_for_where_things_are(home: Settings) -> None:
    keys = AirflowSecrets(jwt="", api="", fernet="")
    embedded = environment.airflow(home, keys, task_port=1)
    stack = variables(SERVICES["dag-processor"])
    shared = {name for name in embedded.keys() & stack.keys() if name.startswith("AIRFLOW__")}
    differing = {name for name in shared if embedded[name] != stack[name]}
    assert differing == {
        "AIRFLOW__CORE__DAGS_FOLDER",
        "AIRFLOW__CORE__PLUGINS_FOLDER",
        "AIRFLOW__CORE__EXECUTOR",
        "AIRFLOW__CORE__PARALLELISM",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
        "AIRFLOW__API__BASE_URL",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER",
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME",
    }
    left_out = {name for name in embedded if name.startswith("AIRFLOW__")} - stack.keys()
    by_command = {name.removesuffix("_CMD") for name in stack if name.endswith("_CMD")}
    assert left_out - by_command == {"AIRFLOW__API__HOST", "AIRFLOW__API__PORT", "AIRFLOW__API__WORKERS"}
