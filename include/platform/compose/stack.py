"""`make stack` and `make stack-down`: what the host does around Compose. With Docker and the standard library alone.

Images are built by `docker build`, which every engine can; Compose is the plugin of Docker, or the `docker-compose` of Debian.
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

PROJECT = Path(__file__).resolve().parents[3]
SERVICES = ("postgres", "redis", "seaweedfs", "prometheus", "alertmanager")
# Those that do their work and end, before the others may start.
JOBS = ("databases", "init", "objects")
_VARIABLE = {"seaweedfs": "S3"}
_PROFILES = ("celery", "grafana", "cli")
_PATIENCE_SECONDS, _POLL_SECONDS = 600.0, 2.0
_PUBLISHED = {
    "api-server": ("Airflow", 8080, "secrets/passwords.json"),
    "mlflow": ("MLflow", 5000, "secrets/mlflow_credentials (read), secrets/mlflow_auth (admin)"),
    "server": ("model server", 8080, "secrets/serving_token for its control routes"),
    "prometheus": ("Prometheus", 9090, "none"),
    "alertmanager": ("Alertmanager", 9093, "none"),
    "grafana": ("Grafana", 3000, "secrets/grafana, user admin"),
}


class StackError(Exception):
    """What keeps the stack from running, in a sentence."""


@dataclass(frozen=True)
class Part:
    """A container of the stack as the engine tells it; `health` is empty where nothing checks it."""

    service: str
    name: str
    hostname: str
    state: str
    exit_code: int
    health: str

    @property
    def well(self) -> bool:
        """Whether it does what it is there for, or has done it."""
        if self.service in JOBS:
            return self.state == "exited" and self.exit_code == 0
        return self.state == "running" and self.health in ("", "healthy")

    @property
    def failed(self) -> bool:
        """Whether waiting for it is in vain."""
        return self.service in JOBS and self.state == "exited" and self.exit_code != 0


@dataclass(frozen=True)
class Stack:
    """One stack on this machine's engine: its name, its folder of secrets, and how Compose is told of both."""

    name: str
    folder: Path
    environment: Mapping[str, str]

    def start(self) -> None:
        """Build images, make secrets, start every container and wait until all are well; what is there is kept."""
        self.build()
        self.make_secrets()
        try:
            self.compose("up", "--detach", "--no-build", "--remove-orphans")
        except StackError:
            self.require_none_failed()
            raise
        self.wait()

    def build(self) -> None:
        """Build our images, and those of third parties where they are to come from Debian."""
        say("images")
        says = {"RATCHET_COMMIT": provenance.commit(), "RATCHET_CODE": provenance.code()}
        self._build(
            "ratchet:stack", ".", *(p for name, said in says.items() for p in ("--build-arg", f"{name}={said}"))
        )
        self._build("ratchet-server:stack", ".", "--file", "include/serving/Dockerfile")
        if self.environment.get("RATCHET_SERVICES") == "debian":
            for name in SERVICES:
                self._build(f"ratchet-{name}:debian", "include/platform/compose/services", "--target", name)

    def _build(self, tag: str, context: str, *options: str) -> None:
        network = ("--network", self.environment.get("RATCHET_BUILD_NETWORK", "default"))
        given = [name for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL") if self.environment.get(name)]
        arguments = [part for name in given for part in ("--build-arg", name)]
        self.run("docker", "build", "--quiet", "--tag", tag, *network, *arguments, *options, context)

    def make_secrets(self) -> None:
        """Generate the secrets that are not there yet, readable to whoever owns the folder and to nobody else."""
        say(f"secrets in {self.folder / 'secrets'}")
        place = self.folder / "secrets"
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        inside = ("python", "-m", "include.platform.compose.secret_files", "/secrets")
        mounted = ("--volume", f"{place}:/secrets:z")
        self.run("docker", "run", "--rm", "--network", "none", "--user", "0:0", *mounted, "ratchet:stack", *inside)

    def wait(self, patience: float = _PATIENCE_SECONDS) -> None:
        """Return once every container is well; raises StackError with the last words of one that is not."""
        begun, told = time.monotonic(), ""
        while missing := [part for part in self.parts() if not part.well]:
            late = time.monotonic() - begun > patience
            for part in missing:
                if part.failed or late:
                    raise self._broken(part)
            waiting = ", ".join(sorted(part.service for part in missing))
            if waiting != told:
                say(f"waiting for {waiting}")
            told = waiting
            time.sleep(_POLL_SECONDS)
        say(f"all is well after {time.monotonic() - begun:.0f} s")

    def require_none_failed(self) -> None:
        """Raise StackError with the last words of a job that failed; Compose only says that one did."""
        for part in self.parts():
            if part.failed:
                raise self._broken(part)

    def _broken(self, part: Part) -> StackError:
        return StackError(f"{part.service} is {part.state} {part.health}:\n{self.last_words(part)}")

    def parts(self) -> list[Part]:
        """Return the containers of the stack; those that were started by hand beside it are none."""
        listed = self.ask(
            "docker", "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.name}"
        )
        if not listed.split():
            return []
        found = map(part, json.loads(self.ask("docker", "inspect", *listed.split())))
        return [each for each in found if each is not None]

    def last_words(self, part: Part, lines: str = "15") -> str:
        """Return the end of a container's log."""
        command = ["docker", "logs", "--tail", lines, part.name]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        return told.stdout + told.stderr

    def stop(self, *options: str) -> None:
        """End and remove the containers, the challenger's too; volumes and secrets stay."""
        label = f"label=ratchet.deployed_for={self.name}-serving"
        if beside := self.ask("docker", "ps", "--all", "--quiet", "--filter", label).split():
            self.run("docker", "rm", "--force", *beside)
        every = (part for name in _PROFILES for part in ("--profile", name))
        self.compose(*every, "down", "--remove-orphans", "--timeout", "60", *options)

    def tell(self) -> None:
        """Print where everything is, and where its passwords are."""
        for each in self.parts():
            if each.service in _PUBLISHED:
                title, port, secret = _PUBLISHED[each.service]
                address = self.ask("docker", "port", each.name, str(port)).split()[0]
                print(f"{title:14}http://{address:18}password: {secret}")  # noqa: T201
        print(f"passwords are in files of {self.folder}, which only you may read")  # noqa: T201

    def compose(self, *words: str) -> None:
        """Run a word of Compose for this stack."""
        self.run(*_compose(), *words)

    def run(self, *command: str) -> None:
        """Run a program of the host; raises StackError when it fails."""
        done = subprocess.run(command, cwd=PROJECT, env=dict(self.environment), check=False)
        if done.returncode != 0:
            raise StackError(f"{' '.join(command[:4])} ... ended with {done.returncode}: its words are above")

    def ask(self, *command: str) -> str:
        """Return what a program of the host says."""
        return subprocess.run(
            command, cwd=PROJECT, env=dict(self.environment), check=True, capture_output=True, text=True
        ).stdout


def part(told: Mapping[str, object]) -> Part | None:
    """Return a container of a stack from what `docker inspect` tells; None for one that was run beside it, to end by itself."""
    config, state = told["Config"], told["State"]
    assert isinstance(config, dict)
    assert isinstance(state, dict)
    labels = config["Labels"]
    if labels.get("com.docker.compose.oneoff", "False").lower() == "true":
        return None
    return Part(
        service=labels["com.docker.compose.service"],
        name=str(told["Name"]).lstrip("/"),
        hostname=config["Hostname"],
        state=state["Status"],
        exit_code=state["ExitCode"],
        health=(state.get("Health") or {}).get("Status", ""),
    )


def described(given: Mapping[str, str]) -> Stack:
    """Return the stack that an environment describes."""
    name = given.get("COMPOSE_PROJECT_NAME", "ratchet")
    folder = Path(given.get("RATCHET_STACK", PROJECT / "var" / "stack")).resolve()
    told = dict(given) | {"COMPOSE_PROJECT_NAME": name, "RATCHET_STACK": str(folder)}
    if given.get("RATCHET_SERVICES") == "debian":
        images = {f"RATCHET_{_VARIABLE.get(each, each.upper())}_IMAGE": f"ratchet-{each}:debian" for each in SERVICES}
        told = images | told
    return Stack(name=name, folder=folder, environment=told)


def _compose() -> tuple[str, ...]:
    for command in (("docker", "compose"), ("docker-compose",)):
        try:
            if subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
                return command
        except FileNotFoundError:
            continue
    raise StackError("expected Docker with Compose (`docker compose` or `docker-compose`), found neither: install it")


def say(what: str) -> None:
    print(f"stack: {what}", flush=True)  # noqa: T201


def up() -> None:
    """Bring the stack up, and tell where it is."""
    stack = described(os.environ)
    stack.start()
    stack.tell()


def down() -> None:
    """Take the stack down; its data stays."""
    described(os.environ).stop()


WORDS: Mapping[str, Callable[[], None]] = {"up": up, "down": down}

if __name__ == "__main__":
    try:
        WORDS[sys.argv[1]]()
    except StackError as error:
        sys.exit(str(error))
