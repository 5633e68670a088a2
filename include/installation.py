"""One installation of Ratchet: its settings and credentials, from this process's environment or from a `.env` file."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from include.settings import Settings, read_settings
from ml.errors import RequestError

_OWN_PREFIX, _S3_PREFIX, _MLFLOW_PREFIX = "RATCHET_", "AWS_", "MLFLOW_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """One installation: its settings, and the variables that hold the credentials of its servers."""

    settings: Settings
    variables: Mapping[str, str]

    def variables_with_prefix(self, prefix: str) -> dict[str, str]:
        """Return the variables whose names begin with `prefix`."""
        return {name: value for name, value in self.variables.items() if name.startswith(prefix)}


def current() -> Installation:
    """Return the installation that this process's environment describes."""
    return Installation(settings=read_settings(os.environ), variables=dict(os.environ))


def from_file(path: Path) -> Installation:
    """Return the installation that the `.env` file `path` describes, one `NAME=value` per line.

    `RATCHET_...` variables that the file does not set have their defaults. Other variables that it does not set, such
    as `AWS_...`, are taken from this process. Raises RequestError when there is no such file, when a line is malformed,
    or when the file sets no `RATCHET_...` variable.
    """
    if not path.is_file():
        raise RequestError(f"expected a file of variables at {path} (see .env.example), but there is none")
    parsed = parse_variables(path.read_text(), str(path))
    if not any(name.startswith(_OWN_PREFIX) for name in parsed):
        raise RequestError(f"expected {path} to set RATCHET_HOME at least; it sets no RATCHET_... variable")
    others = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_PREFIX)}
    variables = others | parsed
    return Installation(settings=read_settings(variables), variables=variables)


def parse_variables(text: str, name: str) -> dict[str, str]:
    """Return the variables that `text` sets; raises RequestError that names the line that is not `NAME=value`.

    Empty lines and lines that begin with # are skipped. One pair of quotes around a value is removed.
    """
    variables = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip().removeprefix("export ").strip()
        if not stripped or stripped.startswith("#"):
            continue
        variable, sign, value = stripped.partition("=")
        if not sign or not variable.strip().isidentifier():
            raise RequestError(f"expected NAME=value in line {number} of {name}, got {variable[:40]!r}...")
        variables[variable.strip()] = _unquote(value.strip())
    return variables


@contextmanager
def use_credentials(source: Installation, target: Installation) -> Iterator[None]:
    """Set the credentials of both installations in the environment of this process, and restore it on exit.

    A process has one set of credentials for S3 and one for MLflow. Raises RequestError when both installations use such
    a server with different credentials.
    """
    needed: dict[str, str] = {}
    for prefix, uses_service in ((_S3_PREFIX, _uses_s3), (_MLFLOW_PREFIX, _uses_http_registry)):
        given = [each.variables_with_prefix(prefix) for each in (source, target) if uses_service(each.settings)]
        if len(given) == 2 and given[0] != given[1]:
            differ = sorted(
                name for name in given[0].keys() | given[1].keys() if given[0].get(name) != given[1].get(name)
            )
            raise RequestError(
                f"both installations need {', '.join(differ)}, with different values, but a process has only one of "
                "each: migrate to folders and SQLite first, and from there to the target"
            )
        for each in given:
            needed |= each
    before = {name: os.environ.get(name) for name in needed}
    os.environ.update(needed)
    _clear_client_cache()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        _clear_client_cache()


def _clear_client_cache() -> None:
    from include.stores.files import locations

    locations.s3_client.cache_clear()


def _uses_s3(settings: Settings) -> bool:
    return any(address.startswith("s3://") for address in (settings.landing, settings.lake))


def _uses_http_registry(settings: Settings) -> bool:
    return settings.mlflow_url.startswith(("http://", "https://"))


def _unquote(value: str) -> str:
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value
