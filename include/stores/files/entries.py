"""What a location holds by name: regular files, and everything else with the reason why it is not read as a file."""

import errno
import stat
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

FOLDER_FAULT = "expected a regular file, got a folder; land its files themselves"
_KINDS = (
    (stat.S_ISLNK, "a symbolic link, and links are not followed"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)
_UNPRINTABLE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_FILE_ERRORS = frozenset(
    (
        errno.EACCES,
        errno.EBADMSG,
        errno.EIO,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENODEV,
        errno.ENXIO,
        errno.EPERM,
        errno.ESTALE,
    )
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of a location: a version that changes whenever the file changes, and why it cannot be read, if so."""

    version: str
    fault: str = ""


def by_name(entries: Iterable[tuple[str, Entry]]) -> dict[str, Entry]:
    """Return the entries by printable name; a name that is not printable makes its entry unreadable.

    >>> by_name([("a\\n.csv", Entry("1")), ("b.csv", Entry("2"))])["b.csv"]
    Entry(version='2', fault='')
    """
    named: dict[str, Entry] = {}
    unprintable = []
    for name, entry in entries:
        if printable(name) == name:
            named[name] = entry
        else:
            unprintable.append((printable(name), entry))
    for name, entry in unprintable:
        unique = name
        while unique in named:
            unique += "'"
        fault = "expected a name of printable UTF-8 characters; rename the file and land it again"
        named[unique] = Entry(entry.version, entry.fault or fault)
    return named


def printable(name: str) -> str:
    r"""Return a file's name with undecodable bytes and control characters escaped.

    >>> printable("b\udcff\n.csv")
    'b\\xff\\n.csv'
    """
    decoded = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(
        each.encode("unicode_escape").decode() if unicodedata.category(each) in _UNPRINTABLE else each
        for each in decoded
    )


def of_status(mode: int, size: int, modified_ns: int) -> Entry:
    """Return the entry of a file with this result of os.lstat; what is not a regular file has a version that says its kind."""
    if stat.S_ISREG(mode):
        return Entry(f"{size}-{modified_ns}")
    if stat.S_ISDIR(mode):
        return Entry("a folder", FOLDER_FAULT)
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "a device")
    return Entry(kind.partition(",")[0], f"expected a regular file, got {kind}; land a copy of the file itself")


def read_fault(error: OSError) -> str:
    """Return why a file cannot be read; an empty text if the error says nothing about the file, as for a full disk."""
    if error.errno not in _FILE_ERRORS:
        return ""
    if error.errno == errno.ELOOP:
        return of_status(stat.S_IFLNK, 0, 0).fault
    return f"expected a file that can be read, got {error.strerror!r}; correct it or land it again"
