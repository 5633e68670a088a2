"""Start and stop the containers of `make stack` and `make stack-down`. Needs only Docker and the standard library.

Images are built with `docker build`, which every engine supports. Compose is either Docker's plugin or Debian's
`docker-compose`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from include import provenance
from include.patience import Patience

PROJECT = Path(__file__).resolve().parents[3]
SERVICES = ("postgres", "redis", "seaweedfs", "prometheus", "alertmanager")
# One-off containers that must succeed before the other services start.
JOBS = ("databases", "init", "objects")
_IMAGE_VARIABLES = {"seaweedfs": "S3"}
_PROFILES = ("celery", "grafana", "cli")
_TIMEOUT_SECONDS, _POLL_SECONDS = 600.0, 2.0
_PUBLISHED = {
    "api-server": ("Airflow", 8080, "secrets/passwords.json"),
    "mlflow": ("MLflow", 5000, "secrets/mlflow_credentials (read), secrets/mlflow_auth (admin)"),
    "server": ("model server", 8080, "secrets/serving_token for its control routes"),
    "prometheus": ("Prometheus", 9090, "none"),
    "alertmanager": ("Alertmanager", 9093, "none"),
    "grafana": ("Grafana", 3000, "secrets/grafana, user admin"),
}


class StackError(Exception):
    """The stack cannot run; the message says why."""


@dataclass(frozen=True)
class Container:
    """A container of the stack, as the engine reports it; `health` is empty if the container has no health check."""

    service: str
    name: str
    hostname: str
    state: str
    exit_code: int
    health: str

    @property
    def is_healthy(self) -> bool:
        """Whether a service runs and is not unhealthy, or a job has succeeded."""
        if self.service in JOBS:
            return self.state == "exited" and self.exit_code == 0
        return self.state == "running" and self.health in ("", "healthy")

    @property
    def failed(self) -> bool:
        """Whether it is a job that ended with an error, so that waiting for it is useless."""
        return self.service in JOBS and self.state == "exited" and self.exit_code != 0


@dataclass(frozen=True)
class ComposeStack:
    """One stack on this machine's engine: its name, its folder, and the environment that passes both to Compose."""

    name: str
    folder: Path
    environment: Mapping[str, str]

    def start(self) -> None:
        """Build the images, generate missing secrets, start all containers and wait until they are healthy."""
        self.build()
        self.make_secrets()
        try:
            self.compose("up", "--detach", "--no-build", "--remove-orphans")
        except StackError:
            self.check_jobs()
            raise
        self.wait()

    def build(self) -> None:
        """Build Ratchet's images, and with RATCHET_SERVICES=debian those of the third-party services too."""
        log("images")
        build_args = {"RATCHET_COMMIT": provenance.commit(), "RATCHET_CODE": provenance.code_version()}
        self._build(
            "ratchet:stack", ".", *(p for name, value in build_args.items() for p in ("--build-arg", f"{name}={value}"))
        )
        self._build("ratchet-server:stack", ".", "--file", "include/serving/Dockerfile")
        if self.environment.get("RATCHET_SERVICES") == "debian":
            for name in SERVICES:
                self._build(f"ratchet-{name}:debian", "include/platform/compose/services", "--target", name)

    def _build(self, tag: str, context: str, *options: str) -> None:
        network = ("--network", self.environment.get("RATCHET_BUILD_NETWORK", "default"))
        given = [name for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL") if self.environment.get(name)]
        arguments = [argument for name in given for argument in ("--build-arg", name)]
        self.run("docker", "build", "--quiet", "--tag", tag, *network, *arguments, *options, context)

    def make_secrets(self) -> None:
        """Generate the missing secrets, and store the receivers of alerts; only the owner of the folder can read them."""
        log(f"secrets in {self.folder / 'secrets'}")
        secrets_dir = self.folder / "secrets"
        secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        inside = ("python", "-m", "include.platform.compose.secret_files", "/secrets")
        mounted = ("--volume", f"{secrets_dir}:/secrets:z")
        receivers = ("--env", "RATCHET_NOTIFY_URLS")  # by name, so that the addresses are in no command line
        options = ("--rm", "--network", "none", "--user", "0:0", *receivers, *mounted)
        self.run("docker", "run", *options, "ratchet:stack", *inside)

    def wait(self, timeout: float = _TIMEOUT_SECONDS) -> None:
        """Wait until every container is healthy.

        Raises StackError, with the end of the container's log, when a job fails, or after `timeout` seconds of a quiet
        machine.
        """
        started, patience, reported = time.monotonic(), Patience(timeout), ""
        while missing := [container for container in self.containers() if not container.is_healthy]:
            timed_out = patience.is_spent()
            for part in missing:
                if part.failed or timed_out:
                    raise self._failure(part, "" if part.failed else f" ({patience})")
            waiting = ", ".join(sorted(part.service for part in missing))
            if waiting != reported:
                log(f"waiting for {waiting}")
            reported = waiting
            time.sleep(_POLL_SECONDS)
        log(f"all containers are healthy after {time.monotonic() - started:.0f} s")

    def check_jobs(self) -> None:
        """Raise StackError with the end of the log of a failed job; Compose only says that one failed."""
        for container in self.containers():
            if container.failed:
                raise self._failure(container)

    def _failure(self, container: Container, waited: str = "") -> StackError:
        state = f"{container.state} {container.health}{waited}"
        return StackError(f"{container.service} is {state}:\n{self.log_tail(container)}")

    def containers(self) -> list[Container]:
        """Return the containers of the stack, without those started by `docker compose run`."""
        listed = self.capture(
            "docker", "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.name}"
        )
        if not listed.split():
            return []
        containers = map(parse_container, json.loads(self.capture("docker", "inspect", *listed.split())))
        return [each for each in containers if each is not None]

    def log_tail(self, container: Container, lines: str = "15") -> str:
        """Return the end of a container's log."""
        command = ["docker", "logs", "--tail", lines, container.name]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return result.stdout + result.stderr

    def stop(self, *options: str) -> None:
        """Stop and remove the containers, including the challenger's; volumes and secrets are kept."""
        label = f"label=ratchet.deployed_for={self.name}-serving"
        if challengers := self.capture("docker", "ps", "--all", "--quiet", "--filter", label).split():
            self.run("docker", "rm", "--force", *challengers)
        profiles = (argument for name in _PROFILES for argument in ("--profile", name))
        self.compose(*profiles, "down", "--remove-orphans", "--timeout", "60", *options)

    def print_addresses(self) -> None:
        """Print the address of each service, and the file with its password."""
        for each in self.containers():
            if each.service in _PUBLISHED:
                title, port, secret = _PUBLISHED[each.service]
                address = self.capture("docker", "port", each.name, str(port)).split()[0]
                print(f"{title:14}http://{address:18}password: {secret}")  # noqa: T201
        print(f"the password files are in {self.folder}; only you can read them")  # noqa: T201

    def compose(self, *arguments: str) -> None:
        """Run a command of Compose for this stack; raises StackError when it fails."""
        self.run(*_compose(), *arguments)

    def run(self, *command: str) -> None:
        """Run a program on the host; raises StackError when it fails."""
        done = subprocess.run(command, cwd=PROJECT, env=dict(self.environment), check=False)
        if done.returncode != 0:
            raise StackError(
                f"{' '.join(command[:4])} ... failed with exit code {done.returncode}: see its output above"
            )

    def capture(self, *command: str) -> str:
        """Return the standard output of a program on the host."""
        return subprocess.run(
            command, cwd=PROJECT, env=dict(self.environment), check=True, capture_output=True, text=True
        ).stdout


def parse_container(inspected: Mapping[str, object]) -> Container | None:
    """Return the container that `docker inspect` describes; None for one that `docker compose run` started."""
    config, state = inspected["Config"], inspected["State"]
    assert isinstance(config, dict)
    assert isinstance(state, dict)
    labels = config["Labels"]
    if labels.get("com.docker.compose.oneoff", "False").lower() == "true":
        return None
    return Container(
        service=labels["com.docker.compose.service"],
        name=str(inspected["Name"]).lstrip("/"),
        hostname=config["Hostname"],
        state=state["Status"],
        exit_code=state["ExitCode"],
        health=(state.get("Health") or {}).get("Status", ""),
    )


def stack_from_environment(environment: Mapping[str, str]) -> ComposeStack:
    """Return the stack that the environment variables describe; with Celery, always with its broker and workers."""
    name = environment.get("COMPOSE_PROJECT_NAME", "ratchet")
    folder = Path(environment.get("RATCHET_STACK", PROJECT / "var" / "stack")).resolve()
    variables = dict(environment) | {"COMPOSE_PROJECT_NAME": name, "RATCHET_STACK": str(folder)}
    profiles = [each for each in variables.get("COMPOSE_PROFILES", "").split(",") if each]
    if environment.get("RATCHET_EXECUTOR") == "CeleryExecutor" and "celery" not in profiles:
        variables["COMPOSE_PROFILES"] = ",".join([*profiles, "celery"])
    if environment.get("RATCHET_SERVICES") == "debian":
        images = {
            f"RATCHET_{_IMAGE_VARIABLES.get(each, each.upper())}_IMAGE": f"ratchet-{each}:debian" for each in SERVICES
        }
        variables = images | variables
    return ComposeStack(name=name, folder=folder, environment=variables)


def _compose() -> tuple[str, ...]:
    for command in (("docker", "compose"), ("docker-compose",)):
        try:
            if subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
                return command
        except FileNotFoundError:
            continue
    raise StackError("expected Docker with Compose (`docker compose` or `docker-compose`), found neither: install it")


def log(message: str) -> None:
    print(f"stack: {message}", flush=True)  # noqa: T201


def up() -> None:
    """Start the stack and print its addresses."""
    stack = stack_from_environment(os.environ)
    stack.start()
    stack.print_addresses()


def down() -> None:
    """Stop the stack; its data is kept."""
    stack_from_environment(os.environ).stop()


COMMANDS: Mapping[str, Callable[[], None]] = {"up": up, "down": down}

if __name__ == "__main__":
    try:
        COMMANDS[sys.argv[1]]()
    except StackError as error:
        sys.exit(str(error))
