"""End a process that this one started, however that process behaves, and measure its CPU time."""

import subprocess
import time

import psutil  # type: ignore[import-untyped]

_GRACE_SECONDS, _KILLED_SECONDS = 10.0, 30.0
_SCHEDULER_CLOCK = 2


def end(process: "subprocess.Popen[bytes]", grace_seconds: float = _GRACE_SECONDS) -> int:
    """Ask `process` to end with SIGTERM, kill it after `grace_seconds`, and return its exit code.

    A process that ended already is only reaped. Raises subprocess.TimeoutExpired when even SIGKILL does not end it,
    which happens while the kernel holds it (a hung file system): the caller then goes on without waiting forever.
    """
    process.terminate()
    try:
        return process.wait(timeout=grace_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(timeout=_KILLED_SECONDS)


def cpu_seconds(process_id: int) -> float:
    """Return the CPU time of a process and its threads in seconds, unaffected by how long it waits for a core.

    Linux has a clock of each process with nanoseconds, whose number is that of clock_getcpuclockid(3); elsewhere
    psutil's is used.
    """
    try:
        return time.clock_gettime((~process_id << 3) | _SCHEDULER_CLOCK)
    except OSError:
        times = psutil.Process(process_id).cpu_times()
        return float(times.user + times.system)
