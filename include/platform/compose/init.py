"""Prepare what Airflow needs besides the databases: buckets, keys, Airflow's tables, users, declared features.

The container `init` runs `python -m include.platform.compose.init`. It may run again at any time and keeps what exists.
"""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from include import usecases
from include.platform.compose import accounts
from include.settings import load_settings
from include.steps import upgrade
from include.stores.signing import dsse

_SECRETS = Path("/run/secrets")


def main() -> None:
    """Prepare everything and print each step."""
    settings = load_settings()
    _log("S3: buckets")
    accounts.make_buckets(_SECRETS)
    _log("keys trusted by servers")
    for signer in dsse.SIGNERS:
        dsse.add_trusted_key(signer, settings)
    _log("Airflow's tables")
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, stdout=subprocess.DEVNULL)
    _log("MLflow: users")
    accounts.make_users(_SECRETS, settings.mlflow_url)
    _log(f"features of {', '.join(usecases.names())}")
    for change in upgrade.upgrade(settings, datetime.now(UTC), assume_idle=True):
        _log(change)


def _log(message: str) -> None:
    print(message, flush=True)  # noqa: T201 - the container's log


if __name__ == "__main__":
    main()
