"""Processes of a stack that are killed, and started again as whatever supervises them would."""

from subprocess import Popen

from include.stack import environment, processes, setup
from include.stack.processes import Stack


def kill(stack: Stack, *names: str) -> None:
    """Kill processes of the stack with SIGKILL; what they started is left as it is."""
    for name in names:
        stack.processes[name].kill()
    for name in names:
        stack.processes[name].wait()


def start(stack: Stack, name: str) -> "Popen[bytes]":
    """Start a process of the stack in place of one that ended, or another of a kind (`scheduler-2`); it ends with the stack."""
    where = stack.settings
    keys = setup.generate_secrets(where)
    variables = environment.airflow(where, keys, task_port=stack.task_port) | {processes._MARK: stack.token}
    command = processes._airflow_command(where, name.removesuffix("-2"), stack.task_port)
    stack.processes[name] = processes._spawn(where, name, command, variables)
    return stack.processes[name]
