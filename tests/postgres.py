"""A real Postgres for tests: on loopback, by an unprivileged user, gone afterwards."""

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
    """A running server: the URL of its first database, and what ends, kills (every process of it) and starts it."""

    url: str
    stop: Callable[[], None]
    kill: Callable[[], None]
    start: Callable[[], None]

    def database(self, more: str = "") -> str:
        """Return the URL of a new, empty database, made as `more` says."""
        server, name = sa.make_url(self.url), f"test_{secrets.token_hex(6)}"
        maker = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with maker.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name} {more}"))
        return server.set(database=name).render_as_string(hide_password=False)


@contextmanager
def running() -> Iterator[Server]:
    """Start a Postgres of its own, and end it; skips the test where there is none to start."""
    binaries, user = _binaries(), _unprivileged()
    if binaries is None:
        pytest.skip("no Postgres here: initdb is neither on the PATH nor in /usr/lib/postgresql")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("no driver for Postgres here: install psycopg")
    if os.geteuid() == 0 and user is None:
        pytest.skip("Postgres refuses to run as root, and there is no user postgres or nobody to run it as")
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
    """Kill a process, and all that it started."""
    processes = [psutil.Process(leader), *psutil.Process(leader).children(recursive=True)]
    for each in processes:
        each.kill()
    psutil.wait_procs(processes, timeout=10)


def _binaries() -> Path | None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb") or (installed[-1] if installed else None)
    return Path(found).resolve().parent if found else None


def _unprivileged() -> pwd.struct_passwd | None:
    return next((user for user in pwd.getpwall() if user.pw_name in ("postgres", "nobody")), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
