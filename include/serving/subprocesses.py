"""Run a program that loads a package in a separate process, since a damaged model can crash the process."""

import subprocess
import sys
from pathlib import Path

from include.settings import PROJECT, Settings
from ml.errors import PackageError

_SECONDS = 120


def run(program: str, packages: Path, digest: str, settings: Settings, *extra: str) -> str:
    """Run `program` on a package in the folder `packages` and return its output.

    Raises PackageError with the last line of its error output when it fails, or when it takes too long.
    """
    command = [sys.executable, "-m", program, str(packages), digest, str(settings.trusted_keys), *extra]
    try:
        completed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise PackageError(
            f"package {digest[:12]} cannot be served: {program} did not finish in {_SECONDS} s"
        ) from None
    if completed.returncode != 0:
        last_line = (completed.stderr.strip().splitlines() or [f"its process ended with code {completed.returncode}"])[
            -1
        ]
        raise PackageError(f"package {digest[:12]} cannot be served: {last_line}")
    return completed.stdout
