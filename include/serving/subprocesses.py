"""Programs that load a package in a process of its own: damaged trees can end the process that parses them."""

import subprocess
import sys
from pathlib import Path

from include.settings import PROJECT, Settings
from ml.errors import PackageError

_SECONDS = 120


def run(program: str, packages: Path, digest: str, settings: Settings, *extra: str) -> str:
    """Return what `program` printed about a package in the folder `packages`; raises PackageError with its last words where it failed."""
    command = [sys.executable, "-m", program, str(packages), digest, str(settings.trusted_keys), *extra]
    try:
        completed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise PackageError(f"package {digest[:12]} cannot be served: {program} was not done in {_SECONDS} s") from None
    if completed.returncode != 0:
        last_line = (completed.stderr.strip().splitlines() or [f"its process ended with code {completed.returncode}"])[
            -1
        ]
        raise PackageError(f"package {digest[:12]} cannot be served: {last_line}")
    return completed.stdout
