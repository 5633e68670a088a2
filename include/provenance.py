"""The code commit and the library versions of this process. Packages record them, so that they can be rebuilt."""

import os
import shutil
import subprocess
import sys
from functools import cache
from importlib import metadata

from include.settings import PROJECT
from ml.scoring import manifest

LOCK, SERVING_LOCK = PROJECT / "requirements.txt", PROJECT / "requirements-serving.txt"
UNKNOWN = "unknown"
_SERVING_INPUT = PROJECT / "requirements-serving.in"
_GIT_SECONDS = 10


def facts() -> dict[str, object]:
    """Return the code's commit, the lock file's SHA-256, and the versions of Python and of the serving libraries."""
    return {
        "commit": commit(),
        "lock_sha256": manifest.sha256(LOCK.read_bytes()),
        "python": ".".join(map(str, sys.version_info[:2])),
        "libraries": {name: metadata.version(name) for name in serving_libraries()},
    }


def commit() -> str:
    """Return the commit of the code, with the suffix `-dirty` when tracked files were changed.

    An image has no Git repository; there `RATCHET_COMMIT` has the commit. Returns "unknown" when neither is available.
    """
    return os.environ.get("RATCHET_COMMIT") or _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


@cache
def code_version() -> str:
    """Return the Git object ids of `ml/` and `include/` at HEAD; in an image, the value of `RATCHET_CODE`.

    It changes only when the code that trains changes. The value is cached: a process keeps the code that it has
    imported, whatever is committed later.
    """
    return os.environ.get("RATCHET_CODE") or _git("rev-parse", "HEAD:./ml", "HEAD:./include")


def _git(*arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        return UNKNOWN
    command = [git, "-C", str(PROJECT), *arguments]
    try:
        completed = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return UNKNOWN
    return " ".join(completed.stdout.split()) if completed.returncode == 0 and completed.stdout.strip() else UNKNOWN


def serving_libraries() -> list[str]:
    """Return the names of the libraries that serving a package requires directly."""
    lines = (line.partition("#")[0].strip() for line in _SERVING_INPUT.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def serving_lock() -> bytes:
    """Return the hash-locked requirements for serving a package."""
    return SERVING_LOCK.read_bytes()
