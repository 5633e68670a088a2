"""Closed-loop load clients, with one request at a time on each connection: our own, and wrk if it is installed."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

_WRK_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_SCRIPT = 'wrk.method = "{method}"\nwrk.body = {body}\nwrk.headers["Content-Type"] = "application/json"\n'


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request to a server on this machine."""

    port: int
    path: str
    method: str = "POST"
    body: bytes = b""


def ours(request: Request, connections: int, seconds: float) -> dict[str, float]:
    """Repeat a request from a separate process, and return requests per second and latency quantiles in ms."""
    arguments = [str(request.port), request.method, request.path, request.body.decode(), str(connections), str(seconds)]
    command = [
        sys.executable,
        "-c",
        "import sys; from bench import closed_loop; closed_loop.main(*sys.argv[1:])",
        *arguments,
    ]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def wrk(request: Request, connections: int, seconds: float) -> dict[str, float] | None:
    """Return the same as measured by wrk; None if it is not installed. Raises AssertionError when a request failed."""
    program = shutil.which("wrk")
    if program is None:
        return None
    with TemporaryDirectory() as folder:
        script = Path(folder) / "request.lua"
        script.write_text(_SCRIPT.format(method=request.method, body=json.dumps(request.body.decode())))
        command = [program, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(script)]
        address = f"http://127.0.0.1:{request.port}{request.path}"
        output = subprocess.run([*command, address], check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in output, output
    assert "Socket errors" not in output, output
    quantiles = {
        share: float(value) * _WRK_UNITS[unit] for share, value, unit in re.findall(r"(\d+)%\s+([\d.]+)(\w+)", output)
    }
    per_second = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert per_second, output
    return {"per_second": float(per_second[1]), "p50_ms": quantiles["50"], "p99_ms": quantiles["99"]}


def main(port: str, method: str, path: str, body: str, connections: str, seconds: str) -> None:
    """Keep `connections` busy for `seconds`, and print requests per second and latency quantiles in milliseconds."""
    import uvloop

    content = body.encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    latencies = uvloop.run(_measure(int(port), head.encode() + content, int(connections), float(seconds)))
    p50, p99 = np.quantile(latencies, [0.5, 0.99]) * 1000
    print(json.dumps({"per_second": len(latencies) / float(seconds), "p50_ms": float(p50), "p99_ms": float(p99)}))


async def _measure(port: int, request: bytes, connections: int, seconds: float) -> list[float]:
    loop, latencies = asyncio.get_running_loop(), list[float]()
    until = time.perf_counter() + seconds
    open_connections = [
        (await loop.create_connection(lambda: _Connection(request, until, latencies), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(each.done for each in open_connections))
    return latencies


class _Connection(asyncio.Protocol):
    """Sends the request again as soon as it is answered."""

    def __init__(self, request: bytes, until: float, latencies: list[float]) -> None:
        self._request, self._until, self._latencies = request, until, latencies
        self._received, self._sent = b"", 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            return
        assert head.split(b" ", 2)[1] == b"200", head
        self._latencies.append(time.perf_counter() - self._sent)
        self._received = b""
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()  # uvloop's own clock only has whole milliseconds
        if self._sent > self._until:
            self._transport.close()
            self.done.set_result(None)
        else:
            self._transport.write(self._request)
