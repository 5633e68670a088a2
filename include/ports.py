"""Ports of this machine: a free one, and the check that a configured one can be used."""

import os
import socket

from ml.errors import SetupError


def check_port(host: str, port: int, variable: str) -> None:
    """Refuse a port that another program holds, naming the environment variable that chooses another one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SetupError(
                f"port {port} on {host} cannot be used ({os.strerror(error.errno or 0)}): "
                f"stop the program that holds it, or choose another one with {variable}"
            ) from None


def free_port(host: str) -> int:
    """Return a port that no program holds at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
