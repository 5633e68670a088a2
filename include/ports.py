"""Ports of this machine: find a free one, and check that a configured one can be used."""

import os
import socket

from ml.errors import SetupError


def check_port(host: str, port: int, variable: str) -> None:
    """Raise SetupError when the port cannot be bound; the message names the `variable` that sets another one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SetupError(
                f"port {port} on {host} cannot be used ({os.strerror(error.errno or 0)}): "
                f"stop the program that uses it, or choose another one with {variable}"
            ) from None


def free_port(host: str) -> int:
    """Return a port that no program uses at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
