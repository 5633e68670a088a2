"""A real S3 server for tests: SeaweedFS on loopback, with its own bucket and credentials."""

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
    """The endpoint of the server, and its only credentials."""

    endpoint: str
    key: str
    secret: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which boto3 and Delta use the server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }

    def environment_with_file(self, file: Path) -> dict[str, str | None]:
        """Write the credentials to `file`, and return the environment in which they are only there, as in the stack."""
        file.write_text(f"[default]\naws_access_key_id = {self.key}\naws_secret_access_key = {self.secret}\n")
        without = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        by_file = {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_FORCE_CREDENTIAL_LOAD": "true"}
        return {**self.environment, **without, **by_file, "AWS_EC2_METADATA_DISABLED": "true"}


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Run a server with its files in `folder`, and stop it afterwards."""
    ports = _free_ports(4)
    server = Server(endpoint=f"http://127.0.0.1:{ports['s3']}", key=secrets.token_hex(8), secret=secrets.token_hex(16))
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": server.key, "secretKey": server.secret}],
        "actions": ["Admin"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    options = [f"-{name}.port={port}" for name, port in ports.items()]
    options += [
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
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
    """Return free ports. The server uses the port 10,000 above each too: it must be free, and none of the others."""
    ports: list[int] = []
    while len(ports) < count:
        with closing(socket.socket()) as probe, closing(socket.socket()) as above:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            if port + 10_000 > 65_535:
                port -= 20_000
            try:
                above.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            if not {port, port + 10_000} & {used + offset for used in ports for offset in (0, 10_000)}:
                ports.append(port)
    return dict(zip(("master", "volume", "filer", "s3"), ports, strict=True))


def client(server: Server) -> Any:
    """Return a client of the server that does not retry."""
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
