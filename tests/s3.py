"""A real S3 server for tests: SeaweedFS on loopback, with a bucket and credentials of its own."""

import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from include import child_processes

BUCKET = "ratchet"
_WEED = Path(sys.prefix) / "bin" / "weed"
_STARTS_WITHIN_SECONDS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """Where the server listens, and who may come in."""

    endpoint: str
    key: str
    secret: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which boto3 and Delta find it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Start a server that keeps its files in `folder`, and end it by its own process."""
    ports = _free_ports(4)
    server = Server(endpoint=f"http://127.0.0.1:{ports['s3']}", key=secrets.token_hex(8), secret=secrets.token_hex(16))
    who = {
        "name": "tests",
        "credentials": [{"accessKey": server.key, "secretKey": server.secret}],
        "actions": ["Admin"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [who]}))
    options = [f"-{name}.port={port}" for name, port in ports.items()]
    options += [
        "-ip=127.0.0.1",
        "-admin.ui=false",
        "-webdav=false",
        f"-dir={folder}",
        f"-s3.config={folder / 's3.json'}",
    ]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen([_WEED, "mini", *options], stdout=log, stderr=log, cwd=folder)
    try:
        _make_bucket(server, process, folder / "weed.log")
        yield server
    finally:
        child_processes.end(process)


def _free_ports(count: int) -> dict[str, int]:
    """Return free ports; each server takes the one 10,000 above for itself too."""
    found: list[int] = []
    while len(found) < count:
        with closing(socket.socket()) as probe, closing(socket.socket()) as above:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            if port + 10_000 > 65_535:
                port -= 20_000
            try:
                above.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            found.append(port)
    return dict(zip(("master", "volume", "filer", "s3"), found, strict=True))


def client(server: Server) -> Any:
    """Return a client of the server that asks once."""
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.key,
        aws_secret_access_key=server.secret,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5),
    )


def _make_bucket(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN_SECONDS
    while True:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            client(server).create_bucket(Bucket=BUCKET)
        except (BotoCoreError, ClientError):
            assert time.monotonic() < until, log.read_text()[-2000:]
            time.sleep(0.2)
        else:
            return
