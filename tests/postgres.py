"""A real Postgres server for tests, on loopback and as an unprivileged user; it is deleted afterwards."""

import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
import sqlalchemy as sa


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A running server: the URL of its first database, and functions that stop, kill (all processes) and start it."""

    url: str
    stop: Callable[[], None]
    kill: Callable[[], None]
    start: Callable[[], None]

    def database(self, options: str = "") -> str:
        """Create an empty database with the SQL `options` of CREATE DATABASE, and return its URL."""
        server, name = sa.make_url(self.url), f"test_{secrets.token_hex(6)}"
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name} {options}"))
        return server.set(database=name).render_as_string(hide_password=False)


@contextmanager
def running() -> Iterator[Server]:
    """Start a new Postgres cluster and delete it afterwards; skip the test if Postgres is not installed."""
    binaries, user = _binaries(), _unprivileged()
    if binaries is None:
        pytest.skip("Postgres is not installed: initdb is neither on the PATH nor in /usr/lib/postgresql")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("the driver for Postgres is not installed: install psycopg")
    if os.geteuid() == 0 and user is None:
        pytest.skip("Postgres does not run as root, and neither the user postgres nor nobody exists")
    root = Path(tempfile.mkdtemp(prefix="ratchet-postgres-"))
    (root / "password").write_text(password := secrets.token_hex(16))
    for path in (root / "password", root):
        os.chown(path, user.pw_uid, user.pw_gid) if user and os.geteuid() == 0 else None

    def run(program: str, *arguments: object) -> None:
        rights: dict[str, Any] = {}
        if user is not None and os.geteuid() == 0:
            rights = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        command = [str(binaries / program), "-D", str(root / "data"), *map(str, arguments)]
        environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
        with (root / f"{program}.out").open("wb") as out:
            done = subprocess.run(command, check=False, cwd=root, stdout=out, stderr=out, env=environment, **rights)
        assert done.returncode == 0, (root / f"{program}.out").read_text()

    port = _free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={root} -c fsync=off"

    def start() -> None:
        run("pg_ctl", "-w", "-t", "60", "-l", root / "log", "-o", options, "start")

    def stop() -> None:
        run("pg_ctl", "-m", "immediate", "stop")

    def kill() -> None:
        _kill(int((root / "data" / "postmaster.pid").read_text().splitlines()[0]))

    try:
        run(
            "initdb",
            "-U",
            "ratchet",
            "--auth=scram-sha-256",
            f"--pwfile={root / 'password'}",
            "-E",
            "UTF8",
            "--no-sync",
        )
        start()
        url = f"postgresql+psycopg://ratchet:{password}@127.0.0.1:{port}/postgres"
        try:
            yield Server(url=url, stop=stop, kill=kill, start=start)
        finally:
            stop()
    finally:
        shutil.rmtree(root)


def _kill(leader: int) -> None:
    """Kill a process and all its descendants."""
    processes = [psutil.Process(leader), *psutil.Process(leader).children(recursive=True)]
    for each in processes:
        each.kill()
    psutil.wait_procs(processes, timeout=10)


def _binaries() -> Path | None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (installed[-1] if installed else None)
    return Path(initdb).resolve().parent if initdb else None


def _unprivileged() -> pwd.struct_passwd | None:
    return next((user for user in pwd.getpwall() if user.pw_name in ("postgres", "nobody")), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
