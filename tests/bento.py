"""BentoML in an environment of its own, with the requirements that are pinned in an exported service."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench import servers
from include import ports
from include.settings import PROJECT

_ENVIRONMENT = PROJECT / "build" / "bentoml"


def run(project: Path, store: Path, *words: str) -> str:
    """Run the command `bentoml` in the folder of an exported service, with Bentos in `store`; return what it printed."""
    python = servers.environment(_ENVIRONMENT, project / "requirements.txt")
    done = subprocess.run(
        [str(python), "-m", "bentoml", *words],
        cwd=project,
        env=os.environ | _variables(store),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(project: Path, store: Path) -> Iterator[httpx.Client]:
    """Run `bentoml serve` with the folder of an exported service until the block ends, and yield a client."""
    python, port = servers.environment(_ENVIRONMENT, project / "requirements.txt"), ports.free_port("127.0.0.1")
    command = [str(python), "-m", "bentoml", "serve", str(project), "--host", "127.0.0.1", "--port", str(port)]
    with (
        servers.started(command, port, "/readyz", **_variables(store)),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client,
    ):
        yield client


def _variables(store: Path) -> dict[str, str]:
    """Return the variables of BentoML: no telemetry, an empty store, and uv of this environment, which it builds with."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {"BENTOML_DO_NOT_TRACK": "true", "BENTOML_HOME": str(store), "PYTHONPATH": "", "PATH": path}
