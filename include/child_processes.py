"""Ends a process that this one started, however that process behaves."""

import subprocess

_GRACE_SECONDS, _KILLED_SECONDS = 10.0, 30.0


def end(process: "subprocess.Popen[bytes]", grace_seconds: float = _GRACE_SECONDS) -> int:
    """Ask `process` to end with SIGTERM, kill it after `grace_seconds`, and return its exit code.

    A process that ended already is only reaped. Raises subprocess.TimeoutExpired when even SIGKILL does not end it, which
    happens while the kernel holds it (a hung file system): the caller then goes on without waiting forever.
    """
    process.terminate()
    try:
        return process.wait(timeout=grace_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(timeout=_KILLED_SECONDS)
