"""`make stack-test`: a night end to end in a stack of its own, and what must hold of it. With Docker and the standard library alone."""

import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from include.platform.compose import stack as stack_module
from include.platform.compose.stack import PROJECT, ComposeStack, StackError

# With Celery, whose tasks are whose.
WORKERS = {"default": {"worker"}, "training": {"worker"}, "promotion": {"worker-promotion"}}
_MIN_SECRET_LENGTH, _NAME = 16, re.compile("[a-z_]+")
_QUEUE_HOSTS = "SELECT DISTINCT queue || ' ' || hostname FROM task_instance WHERE hostname <> ''"
_LAST_NIGHT = "SELECT max(partition_key) FROM dag_run WHERE dag_id = '{use_case}_score'"


def main() -> None:
    """Play a night in a stack of its own, which is gone afterwards."""
    stack, use_case = isolated_stack(os.environ), os.environ.get("USE_CASE", "flights")
    with _removed_afterwards(stack):
        stack.start()
        run_smoke_test(stack, use_case, os.environ.get("NIGHTS", "1"))
        if stack.environment.get("RATCHET_EXECUTOR") == "CeleryExecutor":
            check_workers(workers_by_queue(stack))
            stack_module.log("training ran in the worker that trains, promotion in the other one")
            stack.compose("exec", "-T", "worker", "python", "-m", "tests.stack.privileges")
        if browser := os.environ.get("RATCHET_BROWSER"):
            run_browser_test(stack, use_case, browser)
        if leaked := find_leaks(stack):
            raise StackError(f"secrets can be read by those who were not given them: {'; '.join(leaked)}")
        stack_module.log("no secret is in an image, an environment or a log")


def isolated_stack(given: Mapping[str, str]) -> ComposeStack:
    """Return a stack beside the one that an environment describes: other containers, volumes, secrets and ports; no clock."""
    ports = {"AIRFLOW": 18080, "MLFLOW": 15000, "SERVING": 18000, "PROMETHEUS": 19090, "ALERTMANAGER": 19093}
    overrides = {"COMPOSE_PROJECT_NAME": "ratchet-test", "RATCHET_STACK": str(PROJECT / "var" / "stack-test")}
    overrides |= {f"RATCHET_{name}_PORT": str(port) for name, port in ports.items()}
    return stack_module.stack_from_environment({**given, **overrides, "RATCHET_SCHEDULES": "off"})


def run_smoke_test(stack: ComposeStack, use_case: str, nights: str) -> None:
    """Run a night end to end beside the containers, and print what came of it."""
    night = ("-m", "tests.stack.smoke", use_case, nights)
    stack.compose("run", "--rm", "--no-deps", "-T", "--entrypoint", "python", "ratchet", *night)


def workers_by_queue(stack: ComposeStack) -> dict[str, set[str]]:
    """Return the services in which tasks of each queue ran, as Airflow's database tells it."""
    services = {each.hostname: each.service for each in stack.containers()}
    workers: dict[str, set[str]] = defaultdict(set)
    for queue, hostname in map(str.split, _query_airflow(stack, _QUEUE_HOSTS)):
        workers[queue].add(services.get(hostname, hostname))
    return dict(workers)


def check_workers(workers: Mapping[str, set[str]]) -> None:
    """Raise StackError unless every queue's tasks ran in its own worker, and there were some of each."""
    if workers != WORKERS:
        raise StackError(f"expected tasks of the queues to run in {WORKERS}, they ran in {workers}")


def run_browser_test(stack: ComposeStack, use_case: str, browser: str) -> None:
    """Let a browser trigger the ingestion of the last night once more, as a person would in the UI; pictures are kept."""
    address = f"http://127.0.0.1:{stack.environment['RATCHET_AIRFLOW_PORT']}"
    (night,) = _query_airflow(stack, _LAST_NIGHT.format(use_case=use_case))
    arguments = (address, str(stack.folder / "secrets/passwords.json"), f"{use_case}_ingest", night, browser)
    stack.run(sys.executable, "-m", "tests.stack.browser", *arguments, str(stack.folder / "pictures"))


def find_leaks(stack: ComposeStack) -> list[str]:
    """Return where a secret can be read by somebody who has none of the files: environments, images and logs, by its file's name."""
    files = (stack.folder / "secrets").iterdir()
    words = [(word, path.name) for path in files for word in secret_words(path.read_text())]
    images = ("ratchet:stack", "ratchet-server:stack")
    outputs = {image: stack.capture("docker", "history", "--no-trunc", image) for image in images}
    for each in stack.containers():
        outputs[f"what the engine tells of {each.service}"] = stack.capture("docker", "inspect", each.name)
        outputs[f"the log of {each.service}"] = stack.log_tail(each, "all")
    return sorted({f"{name} in {source}" for source, text in outputs.items() for word, name in words if word in text})


def secret_words(secret: str) -> set[str]:
    """Return the words of a secret's file that nobody else may know: long ones, without the addresses around them."""
    return {
        word
        for word in re.split(r"[^A-Za-z0-9_=-]+", secret)
        if len(word) >= _MIN_SECRET_LENGTH and not _NAME.fullmatch(word)
    }


def _query_airflow(stack: ComposeStack, query: str) -> list[str]:
    """Return the lines that Airflow's database answers."""
    (database,) = (each.name for each in stack.containers() if each.service == "postgres")
    psql = ("psql", "--username", "postgres", "--dbname", "airflow", "--no-align", "--tuples-only", "--command", query)
    return stack.capture("docker", "exec", database, *psql).splitlines()


@contextmanager
def _removed_afterwards(stack: ComposeStack) -> Iterator[None]:
    try:
        yield
    finally:
        stack.stop("--volumes")


if __name__ == "__main__":
    try:
        main()
    except StackError as error:
        sys.exit(str(error))
