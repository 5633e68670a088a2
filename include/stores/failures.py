"""Sentences for what a machine may lack: space, a permission, a lock, a server. Everything else is a bug and has none."""

import errno
import os
import pwd
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_ERRNO = re.compile(r"\(os error (?P<os>\d+)\)|\[Errno (?P<python>\d+)\]")
_PATH = re.compile(r"(?<![\w/:])/[^\s'\"`:,;()\[\]]+")
_KEPT = "what was stored is complete, and the same command continues"
_ADVICE = {
    errno.ENOSPC: ("the disk of {path} is full", f"free space there and run this again: {_KEPT}"),
    errno.EDQUOT: ("the quota of the disk of {path} is used up", f"free space there and run this again: {_KEPT}"),
    errno.EROFS: (
        "{path} is on a disk that is mounted read-only",
        "mount it for writing, or set RATCHET_HOME elsewhere",
    ),
    errno.ENOENT: ("{path} does not exist", "restore it, or correct the setting that names it"),
    errno.ENOTDIR: ("a part of {path} is a file, not a folder", "correct the setting that names it, e.g. RATCHET_HOME"),
    errno.EISDIR: ("{path} is a folder, where a file was expected", "remove it, or correct the setting that names it"),
    errno.EEXIST: ("{path} exists already and is no folder", "remove it, or correct the setting that names it"),
    errno.ENAMETOOLONG: ("{path} is longer than a name may be here", "choose a shorter path, e.g. for RATCHET_HOME"),
    errno.ELOOP: ("{path} leads through links that lead to each other", "remove these links"),
    errno.EIO: ("the disk of {path} reports an error", "check the disk, and restore the home from a backup"),
    errno.EMFILE: ("this process may not open more files ({path})", "raise the limit (`ulimit -n`) and run this again"),
    errno.ENFILE: ("this machine cannot open more files ({path})", "end other processes and run this again"),
    errno.ENOMEM: ("there is not enough memory", "give this process more, and run this again"),
    errno.ESTALE: ("the network disk of {path} was mounted anew meanwhile", "run this again"),
    errno.ETIMEDOUT: ("{path} did not answer in time", "check the network, and run this again"),
    errno.EADDRINUSE: ("the address is in use", "stop the process that listens there, or choose another port"),
}
_DENIED = {errno.EACCES, errno.EPERM}
_KNOWN = {*_ADVICE, *_DENIED}
_WITHOUT_PATH = {
    number for number in _ADVICE if number not in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)
}
_DATABASE = (
    ("database or disk is full", errno.ENOSPC),
    ("readonly database", errno.EACCES),
    ("unable to open database file", errno.EACCES),
    ("No space left on device", errno.ENOSPC),
    ("Disk quota exceeded", errno.EDQUOT),
    ("Read-only file system", errno.EROFS),
    ("Permission denied", errno.EACCES),
)
_SERVERS = ("botocore", "boto3", "urllib3", "httpx", "requests", "redis")


def explain(error: BaseException) -> str | None:
    """Return what is wrong, with its path and what to do, when the machine is the cause of `error`; else None.

    >>> print(explain(OSError(28, "No space left on device", "/data/lake/part.parquet")))
    the disk of /data/lake/part.parquet is full: free space there and run this again: what was stored is complete, and
    the same command continues
    >>> explain(ValueError("a bug"))
    """
    causes = list(_causes(error))
    for each in causes:
        if sentence := _explain_database(each):
            return sentence
    for each in causes:
        if number := _number(each):
            return _sentence(number, _path(each))
    for each in causes:
        if type(each).__module__.split(".")[0] in _SERVERS:
            return (
                f"a server that is needed did not answer as expected: {_line(each)}. Check its address and credentials"
            )
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, and those that it was raised from or while handling."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _explain_database(error: BaseException) -> str | None:
    text = _line(error)
    if type(error).__module__.split(".")[0] not in ("sqlite3", "sqlalchemy"):
        return None
    if "database is locked" in text or "database table is locked" in text:
        return (
            f"the database {_database()} was locked by another process for longer than this one waits: end what uses it, "
            f"or wait, and run this again: {_KEPT}"
        )
    if "file is not a database" in text or "malformed" in text:
        return f"the database {_database()} is damaged ({text}): restore it from a backup"
    for phrase, number in _DATABASE:
        if phrase in text:
            return _sentence(number, _database())
    return None


def _number(error: BaseException) -> int | None:
    """Return the errno of an error, also of one that a library has put into words."""
    if isinstance(error, OSError) and error.errno in _KNOWN:
        return error.errno if error.filename is not None or error.errno in _WITHOUT_PATH else None
    text = _line(error)
    if match := _ERRNO.search(text):
        number = int(match["os"] or match["python"])
        return number if number in _KNOWN else None
    return next((number for phrase, number in _DATABASE[3:] if phrase in text), None)


def _path(error: BaseException) -> str:
    if isinstance(error, OSError) and isinstance(error.filename, str | bytes):
        return os.fsdecode(error.filename)
    match = _PATH.search(_line(error))
    return match[0] if match else str(_home())


def _sentence(number: int, path: str) -> str:
    if number in _DENIED:
        return f"{_who()} may not use {path}{_owner(Path(path))}: give the permission, or run this as its owner"
    wrong, remedy = _ADVICE[number]
    return f"{wrong.format(path=path)}: {remedy}"


def _who() -> str:
    try:
        return f"the user {pwd.getpwuid(os.geteuid()).pw_name}"
    except KeyError:
        return f"the user {os.geteuid()}"


def _owner(path: Path) -> str:
    """Return who owns the path, or the nearest of its folders that can be looked at."""
    for each in (path, *path.parents):
        with suppress(OSError):
            number = each.stat().st_uid
            try:
                return f" ({each} belongs to {pwd.getpwuid(number).pw_name})"
            except KeyError:
                return f" ({each} belongs to the user {number})"
    return ""


def _database() -> str:
    from include.settings import load_settings
    from include.stores.warehouse import redact_url

    try:
        return redact_url(load_settings().warehouse_url).removeprefix("sqlite:///")
    except Exception:  # noqa: BLE001 - a sentence without the address is better than none
        return "of the warehouse"


def _home() -> str:
    from include.settings import load_settings

    try:
        return str(load_settings().home)
    except Exception:  # noqa: BLE001 - the same
        return "this home"


def _line(error: BaseException) -> str:
    try:
        return " ".join(str(error).split("(Background on this error")[0].split())
    except Exception:  # noqa: BLE001 - the error's own code fails
        return type(error).__name__
