"""Run a program that loads a package in a separate process, since a damaged model can crash the process."""

import subprocess
import sys
from pathlib import Path

from include.patience import Patience
from include.settings import PROJECT, Settings
from ml.errors import PackageError, SetupError

_SECONDS = 120


def run(program: str, packages: Path, digest: str, settings: Settings, *extra: str) -> str:
    """Run `program` on a package in the folder `packages` and return its output.

    Raises PackageError with the last line of its error output when it fails, or when it takes too long.
    """
    command = [sys.executable, "-m", program, str(packages), digest, str(settings.trusted_keys), *extra]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            output, errors = _communicate(process)
        except SetupError as fault:
            raise PackageError(f"package {digest[:12]} cannot be served: {program} {fault}") from None
        finally:
            process.kill()  # nothing, if it has ended
    if process.returncode != 0:
        (*_, last_line) = (f"its process ended with code {process.returncode}", *errors.strip().splitlines())
        raise PackageError(f"package {digest[:12]} cannot be served: {last_line}")
    return output


def _communicate(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """Return the output and the errors of a process at its end; raises SetupError when it takes too long."""
    patience = Patience(_SECONDS)
    while True:
        try:
            return process.communicate(timeout=patience.pause)
        except subprocess.TimeoutExpired:
            if patience.is_spent():
                raise SetupError(
                    f"did not finish in {_SECONDS:g} s ({patience}): try it by hand, or when less runs on this machine"
                ) from None
