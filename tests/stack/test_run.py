"""What must hold of a stack in which a night was played."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from include.platform.compose import secret_files, stack
from include.platform.compose.stack import ComposeStack, Container, StackError
from tests.stack import run


def part(service: str) -> Container:
    return Container(service=service, name=service, hostname=f"{service}-host", state="running", exit_code=0, health="")


@dataclass(frozen=True)
class Shown(ComposeStack):
    """A stack of which the engine shows one text, whatever is asked."""

    services: tuple[str, ...] = ()
    text: str = ""

    def containers(self) -> list[Container]:
        return [part(each) for each in self.services]

    def capture(self, *command: str) -> str:
        return self.text

    def log_tail(self, container: Container, lines: str = "15") -> str:
        return ""


def shown(folder: Path, text: str, *services: str) -> Shown:
    return Shown(name="x", folder=folder, environment={}, services=services, text=text)


def test_a_stack_for_tests_shares_nothing_with_the_one_that_runs(tmp_path: Path) -> None:
    given = {"RATCHET_STACK": str(tmp_path), "RATCHET_AIRFLOW_PORT": "8080", "PATH": "/bin"}
    own, apart = stack.stack_from_environment(given), run.isolated_stack(given)
    assert (own.name, own.folder) == ("ratchet", tmp_path)
    assert own.name != apart.name
    assert own.folder != apart.folder
    assert apart.environment["RATCHET_AIRFLOW_PORT"] == "18080"
    assert apart.environment["RATCHET_SCHEDULES"] == "off"
    assert apart.environment["PATH"] == "/bin"


def test_what_a_secret_is_recognised_by_is_long_and_no_word_of_an_address(tmp_path: Path) -> None:
    secret_files.fill(tmp_path)
    result = {path.name: run.secret_words(path.read_text()) for path in tmp_path.iterdir()}
    assert {name for name, words in result.items() if not words} == {"notify_urls"}  # empty: no receiver is declared
    said = {word for words in result.values() for word in words}
    assert not {word for word in said if any(name in word for name in ("mlflow", "warehouse", "postgres", "aws_"))}


def test_a_secret_that_somebody_else_can_read_is_told_with_its_place(tmp_path: Path) -> None:
    secret_files.fill(tmp_path / "secrets")
    text = f"MINE={(tmp_path / 'secrets/redis').read_text().split()[1]}"
    leaks = run.find_leaks(shown(tmp_path, text, "s3"))
    assert "redis in docker inspect of s3" in leaks
    assert {each.split()[0] for each in leaks} == {"online_store", "redis"}


APART = "default worker-host\npromotion worker-promotion-host\ntraining worker-host\n"


@pytest.mark.parametrize(
    "reported",
    [
        pytest.param(APART.replace("training worker-host", "training worker-promotion-host"), id="the other worker"),
        pytest.param(APART + "training scheduler-host\n", id="nobody's worker too"),
        pytest.param("default worker-host\n", id="nothing was trained or released"),
    ],
)
def test_training_and_releasing_run_in_workers_of_their_own(reported: str, tmp_path: Path) -> None:
    services = ("postgres", "worker", "worker-promotion", "scheduler")
    run.check_workers(run.workers_by_queue(shown(tmp_path, APART, *services)))
    with pytest.raises(StackError, match="expected tasks of the queues to run in"):
        run.check_workers(run.workers_by_queue(shown(tmp_path, reported, *services)))
