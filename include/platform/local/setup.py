"""Set-up at the first start: checks of the machine, folders, generated secrets, and Airflow's database.

Everything here may run again at any time; what exists is kept.
"""

import base64
import ctypes
import errno
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from include.platform.local import environment
from include.platform.local.environment import AirflowSecrets
from include.settings import Settings
from include.stores.files import secret
from include.stores.signing import dsse
from ml.errors import SetupError

_MIN_FREE_BYTES = 500_000_000
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """The result of the set-up that the processes need: Airflow's keys."""

    airflow: AirflowSecrets


def prepare(settings: Settings) -> Prepared:
    """Create the folders, the secrets and Airflow's database, and return the keys to start with.

    Raises SetupError, with one sentence, when Python, OpenMP, a folder, a volume or a permission does not fit.
    """
    check_python()
    check_openmp()
    with explain_os_errors(settings):
        make_folders(settings)
        check_free_space(settings.home)
        keys = generate_secrets(settings)
        migrate_airflow(settings, keys)
    return Prepared(airflow=keys)


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Raise SetupError for a Python that Airflow and the locked packages do not support."""
    if not (3, 11) <= version <= (3, 13):
        raise SetupError(
            f"expected Python 3.11 to 3.13, got {version[0]}.{version[1]}: create the environment with one of those"
        )
    try:
        metadata.version("apache-airflow")
    except metadata.PackageNotFoundError:
        raise SetupError(
            f"{sys.executable} has no Apache Airflow: install requirements.txt into it, or use the .venv"
        ) from None


def check_openmp(library: str = "libgomp.so.1") -> None:
    """Raise SetupError on a Linux without the OpenMP runtime; LightGBM's wheel does not contain it."""
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL(library)
    except OSError:
        raise SetupError(
            f"expected the OpenMP runtime {library}, which LightGBM needs: install it (Debian: apt-get install libgomp1)"
        ) from None


def check_free_space(folder: Path) -> None:
    """Raise SetupError when the volume has too little free space for the databases."""
    free = shutil.disk_usage(folder).free
    if free < _MIN_FREE_BYTES:
        raise SetupError(
            f"expected {_MIN_FREE_BYTES // 10**6} MB free on the volume {mount_point(folder)}, found {free // 10**6} MB: "
            "free some space, or set RATCHET_HOME to a folder on another volume"
        )


def mount_point(folder: Path) -> Path:
    """Return the mount point of the volume that holds `folder`."""
    path = folder.resolve()
    while not path.is_mount():
        path = path.parent
    return path


@contextmanager
def explain_os_errors(settings: Settings) -> Iterator[None]:
    """Turn an OSError for a full volume or a missing permission into a SetupError that names the volume or the path."""
    try:
        yield
    except OSError as error:
        path = Path(error.filename or settings.home)
        if error.errno in _NO_ROOM:
            mount = mount_point(next(p for p in (path, *path.parents) if p.exists()))
            raise SetupError(
                f"the volume {mount} is full: free some space, or set RATCHET_HOME to a folder on another volume"
            ) from error
        if error.errno in _NO_PERMISSION:
            raise SetupError(
                f"{path} cannot be written ({os.strerror(error.errno)}): "
                "give this user the permission, or set RATCHET_HOME to another folder"
            ) from error
        raise


def make_folders(settings: Settings) -> None:
    """Create the folders that the stack writes to; only the owner can enter those of secrets, Airflow and logs."""
    from include.stores.files import locations

    for folder in (
        settings.home,
        settings.packages,
        settings.reports,
        settings.mlflow_artifacts,
    ):
        folder.mkdir(parents=True, exist_ok=True)
    for address in (settings.landing, settings.lake):
        locations.from_address(address).ensure_exists()
    for folder in (settings.secrets, settings.airflow_home, settings.home / "logs"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def generate_secrets(settings: Settings) -> AirflowSecrets:
    """Generate the missing secrets, and return Airflow's keys.

    The secrets are Airflow's keys, the users' passwords, and the keys that sign approvals, packages and routing.
    """
    folder = settings.secrets
    secret.create(folder / "approval.key", lambda: secrets.token_hex(32))
    for signer in dsse.SIGNERS:
        dsse.create_key(signer, settings)
    secret.create(
        environment.passwords_file(settings), lambda: json.dumps({user: _password() for user in environment.USERS})
    )
    keys = json.loads(
        secret.create(
            folder / "airflow.json",
            lambda: json.dumps(
                {
                    "jwt": secrets.token_urlsafe(48),
                    "api": secrets.token_urlsafe(32),
                    "fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                }
            ),
        )
    )
    return AirflowSecrets(jwt=keys["jwt"], api=keys["api"], fernet=keys["fernet"])


def _password() -> str:
    return secrets.token_urlsafe(12)


def migrate_airflow(settings: Settings, keys: AirflowSecrets) -> None:
    """Migrate Airflow's database to the installed version, once for each version."""
    done = settings.airflow_home / "migrated"
    version = metadata.version("apache-airflow")
    if done.exists() and done.read_text() == version and (settings.airflow_home / "airflow.db").exists():
        return
    log = settings.home / "logs" / "migrate.log"
    with log.open("wb") as out:
        code = subprocess.call(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=environment.airflow(settings, keys, task_port=settings.airflow_port),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    if code != 0:
        raise SetupError(f"Airflow's database could not be migrated (exit code {code}): see {log}\n{tail(log)}")
    done.write_text(version)


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log; an empty string if there is no log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
