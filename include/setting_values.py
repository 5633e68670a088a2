"""Values of settings: numbers, folders, buckets and files of secrets, parsed and checked one at a time.

No message repeats a value that may hold a password.
"""

import re
from pathlib import Path

from ml.errors import SetupError

# Airflow, MLflow, Delta and SQLAlchemy read these characters of a path as part of a URL, a pattern or a variable.
_REFUSED_IN_FOLDER = re.compile(r"""[\x00-\x1f\x7f%#?=\\$"`^|<>\[\]{}]""")
_REFUSED_IN_BUCKET = re.compile(r"[^A-Za-z0-9!_.'()/~@,+:-]")
_DATABASE_FILE = re.compile(r"sqlite[^:]*:///(?P<path>.*)", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_BUCKET = re.compile(r"s3://[A-Za-z0-9][A-Za-z0-9._-]*(/.*)?", re.DOTALL)
_WHOLE_NUMBER = re.compile(r"0*[0-9]{1,15}")
_MAX_CHARACTERS = 100


def number(variable: str, given: str, first: int, last: int) -> int:
    """Return the whole number `given`, in ASCII digits; raises SetupError unless it is from `first` to `last`."""
    if _WHOLE_NUMBER.fullmatch(given) and first <= int(given.lstrip("0") or "0") <= last:
        return int(given.lstrip("0") or "0")
    raise SetupError(f"expected {variable} to be a whole number from {first} to {last}, got {_cut(given)}")


def folder(variable: str, given: str) -> Path:
    """Return the folder `given`, `~` at its beginning expanded; raises SetupError when it cannot name one."""
    if not given.strip():
        raise SetupError(f"expected {variable} to name a folder, got {given!r}: name one, or unset the variable")
    if _SCHEME.match(given):
        raise SetupError(f"expected {variable} to be a folder, got {_hide(given)}")
    try:
        return Path(given).expanduser()
    except RuntimeError as error:
        raise SetupError(f"expected {variable} to name a folder, got {_cut(given)}: {error}") from None


def folder_or_bucket(variable: str, given: str) -> str:
    """Return the folder `given`, `~` expanded, or the address of a bucket; raises SetupError for anything else."""
    check_address(variable, given)
    return given if given.startswith("s3://") else str(folder(variable, given))


def check_address(variable: str, address: str) -> None:
    """Raise SetupError if `address` is neither a folder nor `s3://bucket/prefix`; a user or a port is not part of it."""
    if _SCHEME.match(address) and not _BUCKET.fullmatch(address):
        raise SetupError(f"expected {variable} to be a folder or s3://bucket/prefix, got {_hide(address)}")


def check_path(variable: str, value: object) -> None:
    """Raise SetupError if `value` is a folder, a bucket or a database file whose path has a refused character."""
    refused = _REFUSED_IN_FOLDER
    if isinstance(value, str):
        if value.startswith("s3://"):
            refused = _REFUSED_IN_BUCKET
        elif database := _DATABASE_FILE.fullmatch(value):
            value = database["path"]
        elif "://" in value or not value.startswith("/"):
            return
    elif not isinstance(value, Path):
        return
    if match := refused.search(str(value)):
        raise SetupError(
            f"expected {variable} to have no {match[0]!r} in its path, got {str(value)!r}: choose a path of letters, "
            "digits, spaces and . _ - (a bucket's without spaces)"
        )


def read_file(variable: str, file: Path) -> str:
    """Return the text of `file`, which `variable` names, without white space around it.

    Raises SetupError, without any of its content, when it cannot be read or is not UTF-8.
    """
    try:
        return file.read_bytes().decode().strip()
    except OSError as error:
        reason = str(error)
    except UnicodeDecodeError:  # its own message shows bytes of the secret
        reason = f"{str(file)!r} is not UTF-8 text; write the value into it as UTF-8"
    raise SetupError(f"expected the value of a setting in the file named by {variable}, but: {reason}")


def _hide(address: str) -> str:
    """Return an address for a message; one that may hold a password is not shown."""
    if "@" in address or ":" in address.partition(":")[2]:
        return f"{address.partition(':')[0][:20]}:... with a user, a password or a port, which is not shown"
    return address[:_MAX_CHARACTERS]


def _cut(given: str) -> str:
    return repr(given[:_MAX_CHARACTERS]) + ("..." if len(given) > _MAX_CHARACTERS else "")
