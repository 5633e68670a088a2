"""`make stack-test`: run nights in a separate stack, and check it. Needs only Docker and the standard library."""

import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from include.platform.compose import stack as stack_module
from include.platform.compose.stack import PROJECT, ComposeStack, StackError

# With Celery: the services that may run the tasks of each queue.
WORKERS = {"default": {"worker"}, "training": {"worker"}, "promotion": {"worker-promotion"}}
_MIN_SECRET_LENGTH, _NAME = 16, re.compile("[a-z_]+")
_QUEUE_HOSTS = "SELECT DISTINCT queue || ' ' || hostname FROM task_instance WHERE hostname <> ''"
_LAST_NIGHT = "SELECT max(partition_key) FROM dag_run WHERE dag_id = '{use_case}_score'"


def main() -> None:
    """Start a separate stack, run nights in it, check it, and remove it."""
    stack, use_case = isolated_stack(os.environ), os.environ.get("USE_CASE", "flights")
    with _removed_afterwards(stack):
        stack.start()
        run_smoke_test(stack, use_case, os.environ.get("NIGHTS", "1"))
        if stack.environment.get("RATCHET_EXECUTOR") == "CeleryExecutor":
            check_workers(workers_by_queue(stack))
            stack_module.log("the tasks of each queue ran in the right worker")
            stack.compose("exec", "-T", "worker", "python", "-m", "tests.stack.privileges")
        if browser := os.environ.get("RATCHET_BROWSER"):
            run_browser_test(stack, use_case, browser)
        if leaked := find_leaks(stack):
            raise StackError(f"expected no secret outside its file, found {'; '.join(leaked)}")
        stack_module.log("no secret is in an image, an environment or a log")


def isolated_stack(given: Mapping[str, str]) -> ComposeStack:
    """Return a stack for an environment, with its own containers, volumes, secrets and ports, and without schedules."""
    ports = {"AIRFLOW": 18080, "MLFLOW": 15000, "SERVING": 18000, "PROMETHEUS": 19090, "ALERTMANAGER": 19093}
    overrides = {"COMPOSE_PROJECT_NAME": "ratchet-test", "RATCHET_STACK": str(PROJECT / "var" / "stack-test")}
    overrides |= {f"RATCHET_{name}_PORT": str(port) for name, port in ports.items()}
    return stack_module.stack_from_environment({**given, **overrides, "RATCHET_SCHEDULES": "off"})


def run_smoke_test(stack: ComposeStack, use_case: str, nights: str) -> None:
    """Run nights end to end from another container, and print the results."""
    night = ("-m", "tests.stack.smoke", use_case, nights)
    stack.compose("run", "--rm", "--no-deps", "-T", "--entrypoint", "python", "ratchet", *night)


def workers_by_queue(stack: ComposeStack) -> dict[str, set[str]]:
    """Return the services in which the tasks of each queue ran, from Airflow's database."""
    services = {each.hostname: each.service for each in stack.containers()}
    workers: dict[str, set[str]] = defaultdict(set)
    for queue, hostname in map(str.split, _query_airflow(stack, _QUEUE_HOSTS)):
        workers[queue].add(services.get(hostname, hostname))
    return dict(workers)


def check_workers(workers: Mapping[str, set[str]]) -> None:
    """Raise StackError unless each queue had tasks and all of them ran in its worker."""
    if workers != WORKERS:
        raise StackError(f"expected tasks of the queues to run in {WORKERS}, they ran in {workers}")


def run_browser_test(stack: ComposeStack, use_case: str, browser: str) -> None:
    """Trigger the ingestion of the last night again in Airflow's UI, with a browser; screenshots are kept."""
    address = f"http://127.0.0.1:{stack.environment['RATCHET_AIRFLOW_PORT']}"
    (night,) = _query_airflow(stack, _LAST_NIGHT.format(use_case=use_case))
    arguments = (address, str(stack.folder / "secrets/passwords.json"), f"{use_case}_ingest", night, browser)
    stack.run(sys.executable, "-m", "tests.stack.browser", *arguments, str(stack.folder / "pictures"))


def find_leaks(stack: ComposeStack) -> list[str]:
    """Return each secret, by its file name, that is in an image, a container's environment or a log, and where."""
    files = (stack.folder / "secrets").iterdir()
    words = [(word, path.name) for path in files for word in secret_words(path.read_text())]
    images = ("ratchet:stack", "ratchet-server:stack")
    outputs = {image: stack.capture("docker", "history", "--no-trunc", image) for image in images}
    for each in stack.containers():
        outputs[f"docker inspect of {each.service}"] = stack.capture("docker", "inspect", each.name)
        outputs[f"the log of {each.service}"] = stack.log_tail(each, "all")
    return sorted({f"{name} in {source}" for source, text in outputs.items() for word, name in words if word in text})


def secret_words(secret: str) -> set[str]:
    """Return the secret parts of a file: its long words, without the names and addresses around them."""
    return {
        word
        for word in re.split(r"[^A-Za-z0-9_=-]+", secret)
        if len(word) >= _MIN_SECRET_LENGTH and not _NAME.fullmatch(word)
    }


def _query_airflow(stack: ComposeStack, query: str) -> list[str]:
    """Return the rows of a query to Airflow's database, as lines."""
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
