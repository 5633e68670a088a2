"""Generate the stack's secrets as files: one file for each service that needs one, none in the environment.

A URL with a password is one secret, so that no other place has to combine the two.
`python -m include.platform.compose.secret_files FOLDER` fills the folder. It runs in a container as root, and makes the
folder's owner the owner of the files.
"""

import base64
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from include.platform.local import environment
from include.stores import approvals
from include.stores.files import atomic
from include.stores.signing import dsse

POSTGRES, REDIS, BROKER, S3 = "postgres:5432", "redis:6379", "broker:6379", "http://s3:8333"
WAREHOUSE = "warehouse"
# Roles of Postgres and the database of each. The rights of the roles are in `databases.py`.
ROLES = {"airflow": "airflow", "mlflow": "mlflow"} | dict.fromkeys(
    ("warehouse_owner", "warehouse_promotion", "warehouse_tasks", "warehouse_reader"), WAREHOUSE
)
BUCKETS = {"s3_tasks": ("lake", "landing"), "s3_mlflow": ("mlflow",), "s3_sensor": ("landing",)}
_S3_ACTIONS = {"s3_sensor": ("List",)}  # the triggerer lists landed files, and reads none
ADMIN = "s3_admin"
_ALL_S3_ACTIONS = ("Read", "Write", "List", "Tagging")
MLFLOW_ADMIN, MLFLOW_TASKS = "admin", "ratchet"
_PRIVATE = 0o700
NOTIFY_URLS, NOTIFY_VARIABLE = "notify_urls", "RATCHET_NOTIFY_URLS"

Files = Mapping[str, str]


def fill(folder: Path, notify_urls: str | None = None) -> list[str]:
    """Generate the missing secrets in `folder`, and return the names of the files written; existing files are kept.

    `notify_urls` are the receivers of alerts, which replace those in the file; None keeps them, and at first there are
    none.

    Secrets that belong together are all regenerated when one of them is missing. Access is restricted on the folder,
    which only its owner can enter, not on the files: a container runs as another user and gets single files mounted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, str] = {}
    for names, make in _GROUPS:
        if not all((folder / name).exists() for name in names):
            made |= make()
    if notify_urls is not None:
        made[NOTIFY_URLS] = notify_urls
    for name, text in made.items():
        atomic.write(folder / name, text.strip().encode())
    folder.chmod(_PRIVATE)
    return sorted(made)


def _random_secret() -> str:
    return secrets.token_urlsafe(24)


def _role_secret(role: str, database: str) -> Files:
    return {role: f"postgresql+psycopg://{role}:{_random_secret()}@{POSTGRES}/{database}"}


def _mlflow_secrets() -> Files:
    """Return MLflow's database URL, its administrator, its session key, and the credentials of tasks."""
    database = _role_secret("mlflow", "mlflow")["mlflow"]
    auth_config = {
        "default_permission": "READ",
        "database_uri": database,
        "admin_username": MLFLOW_ADMIN,
        "admin_password": _random_secret(),
        "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        "grant_default_workspace_access": "false",
        "auth_cache_ttl_seconds": "60",  # hashing is slow; with one worker, the cache sees every password change
    }
    return {
        "mlflow": database,
        "mlflow_auth": _ini("mlflow", auth_config),
        "mlflow_session": _random_secret(),
        "mlflow_credentials": _ini(
            "mlflow", {"mlflow_tracking_username": MLFLOW_TASKS, "mlflow_tracking_password": _random_secret()}
        ),
    }


def _s3_secrets() -> Files:
    """Return the S3 identities with their permissions, and a credentials file for each."""
    files: dict[str, str] = {}
    identities = []
    for name in (ADMIN, *BUCKETS):
        key, secret = secrets.token_hex(10), _random_secret()
        allowed = [
            f"{verb}:{bucket}" for bucket in BUCKETS.get(name, ()) for verb in _S3_ACTIONS.get(name, _ALL_S3_ACTIONS)
        ]
        identities.append(
            {
                "name": name,
                "credentials": [{"accessKey": key, "secretKey": secret}],
                "actions": allowed or ["Admin", *_ALL_S3_ACTIONS],
            }
        )
        files[name] = _ini("default", {"aws_access_key_id": key, "aws_secret_access_key": secret})
    return files | {"s3_identities": json.dumps({"identities": identities})}


def _redis_secrets(server: str, url: str, address: str) -> Callable[[], Files]:
    def make() -> Files:
        password = _random_secret()
        config = f"requirepass {password}\nbind 0.0.0.0\nappendonly yes\ndir /data\nmaxmemory-policy noeviction"
        return {server: config, url: f"redis://:{password}@{address}/0"}

    return make


def _ini(section: str, values: Mapping[str, str]) -> str:
    return "\n".join([f"[{section}]", *(f"{name} = {value}" for name, value in values.items())])


def _single_file(name: str, make: Callable[[], str]) -> tuple[tuple[str, ...], Callable[[], Files]]:
    return (name,), lambda: {name: make()}


def _passwords() -> str:
    return json.dumps({user: secrets.token_urlsafe(12) for user in environment.USERS})


_GROUPS: tuple[tuple[tuple[str, ...], Callable[[], Files]], ...] = (
    _single_file("postgres", _random_secret),
    *(((role,), lambda role=role: _role_secret(role, ROLES[role])) for role in ROLES if role != "mlflow"),
    (("mlflow", "mlflow_auth", "mlflow_session", "mlflow_credentials"), _mlflow_secrets),
    ((ADMIN, *BUCKETS, "s3_identities"), _s3_secrets),
    (("redis", "online_store"), _redis_secrets("redis", "online_store", REDIS)),
    (("broker", "celery_broker"), _redis_secrets("broker", "celery_broker", BROKER)),
    _single_file("airflow_fernet", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()),
    _single_file("airflow_jwt", lambda: secrets.token_urlsafe(48)),
    _single_file("airflow_api", _random_secret),
    _single_file(environment.PASSWORDS_FILE, _passwords),
    _single_file(approvals.KEY_FILE, lambda: secrets.token_hex(32)),
    *(_single_file(name, dsse.new_key) for name in sorted(dsse.KEY_FILES)),
    _single_file("serving_token", _random_secret),
    _single_file("grafana", _random_secret),
    _single_file(NOTIFY_URLS, str),  # empty: messages go to the log
)
NAMES = frozenset(name for names, _ in _GROUPS for name in names)


def _chown(folder: Path) -> None:
    """Make the owner of `folder` the owner of the files in it, which root wrote."""
    owner = folder.stat()
    for path in folder.iterdir():
        os.chown(path, owner.st_uid, owner.st_gid)


if __name__ == "__main__":
    target_dir = Path(sys.argv[1])
    for each in fill(target_dir, os.environ.get(NOTIFY_VARIABLE)):
        print(each)  # noqa: T201 - the program's output
    _chown(target_dir)
