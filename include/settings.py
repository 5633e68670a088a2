"""Settings of this installation: addresses, ports and folders, read once from the environment.

What a model is, its columns, features and gates, is declared in `include/usecases/`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from include import setting_values
from ml.errors import SetupError

# Former names of variables, and of folders in the home, with the names of this release.
FORMER_NAMES = {"drafts": "candidate_files", "replays": "backtests", "journal": "prediction_log"}
PROJECT = Path(__file__).resolve().parent.parent
_PORTS, _THREADS, _DAYS = (1, 65_535), (1, 1_024), (1, 36_500)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Addresses, ports and folders. The environment variable of a field is `RATCHET_` plus its name in upper case."""

    home: Path
    data: Path
    landing: str
    lake: str
    packages: Path
    studies: Path
    candidate_files: Path
    backtests: Path
    trusted_keys: Path
    routes: Path
    prediction_log: Path
    feature_store: Path
    online_store_url: str
    reports: Path
    secrets: Path
    airflow_home: Path
    warehouse_url: str
    mlflow_url: str
    mlflow_artifacts: Path
    host: str
    airflow_port: int
    airflow_url: str
    mlflow_port: int
    threads: int
    log_days: int
    notify_urls: tuple[str, ...]
    prometheus_url: str


@cache
def load_settings() -> Settings:
    """Return the settings of this process; raises as `read_settings` does."""
    return read_settings(os.environ)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings in `environment`; a setting without a variable has its default.

    A value can also be in a file whose path is in the variable with the suffix `_FILE`. Containers get their secrets
    this way. Raises SetupError when the home cannot be a folder, when a number is malformed, when such a file cannot be
    read, when a variable has the name of an earlier release, and when a path has a character that a library cannot work
    with.
    """
    _check_former_names(environment)
    home = _home(environment.get("RATCHET_HOME", str(PROJECT / "var")))

    def text(name: str, default: object) -> str:
        variable = f"RATCHET_{name.upper()}"
        given = environment.get(variable)
        if given is None and (file := environment.get(f"{variable}_FILE")):
            given = setting_values.read_file(f"{variable}_FILE", Path(file))
        return str(default) if given is None else given

    def number(name: str, default: int, bounds: tuple[int, int]) -> int:
        return setting_values.number(f"RATCHET_{name.upper()}", text(name, default), *bounds)

    def folder(name: str, default: Path) -> Path:
        return setting_values.folder(f"RATCHET_{name.upper()}", text(name, default))

    def location(name: str, default: Path) -> str:
        return setting_values.folder_or_bucket(f"RATCHET_{name.upper()}", text(name, default))

    host, airflow_port = text("host", "127.0.0.1"), number("airflow_port", 8080, _PORTS)
    settings = Settings(
        home=home,
        data=folder("data", PROJECT / ".data"),
        landing=location("landing", home / "landing"),
        lake=location("lake", home / "lake"),
        packages=folder("packages", home / "packages"),
        studies=folder("studies", home / "studies"),
        candidate_files=folder("candidate_files", home / "candidate_files"),
        backtests=folder("backtests", home / "backtests"),
        trusted_keys=folder("trusted_keys", home / "keys"),
        routes=folder("routes", home / "routes"),
        prediction_log=folder("prediction_log", home / "prediction_log"),
        feature_store=folder("feature_store", home / "feast"),
        online_store_url=text("online_store_url", ""),
        reports=folder("reports", home / "report"),
        secrets=folder("secrets", home / "secrets"),
        airflow_home=folder("airflow_home", home / "airflow"),
        warehouse_url=text("warehouse_url", f"sqlite:///{home / 'warehouse.db'}"),
        mlflow_url=text("mlflow_url", f"sqlite:///{home / 'mlflow.db'}"),
        mlflow_artifacts=folder("mlflow_artifacts", home / "mlflow"),
        host=host,
        airflow_port=airflow_port,
        airflow_url=text("airflow_url", f"http://{host}:{airflow_port}"),
        mlflow_port=number("mlflow_port", 5000, _PORTS),
        threads=number("threads", min(os.cpu_count() or 1, _THREADS[1]), _THREADS),
        log_days=number("log_days", 30, _DAYS),
        notify_urls=tuple(text("notify_urls", "").split()),
        prometheus_url=text("prometheus_url", ""),
    )
    for field in fields(settings):
        setting_values.check_path(f"RATCHET_{field.name.upper()}", getattr(settings, field.name))
    return settings


def _home(given: str) -> Path:
    """Return the home as an absolute path; raises SetupError if it cannot be a folder."""
    try:
        home = setting_values.folder("RATCHET_HOME", given).resolve()
        is_possible = home != Path(home.anchor) and (home.is_dir() or not home.exists())
    except OSError as error:
        raise SetupError(f"expected RATCHET_HOME to name a folder, got {given[:100]!r}: {error}") from None
    if not is_possible:
        raise SetupError(f"expected RATCHET_HOME to name a folder that is there or can be made, got {given[:100]!r}")
    return home


def _check_former_names(environment: Mapping[str, str]) -> None:
    for former, today in FORMER_NAMES.items():
        variable, renamed = f"RATCHET_{former.upper()}", f"RATCHET_{today.upper()}"
        if given := [name for name in (variable, f"{variable}_FILE") if name in environment]:
            raise SetupError(
                f"{given[0]} is the former name of {given[0].replace(variable, renamed)}: rename it where it is set"
            )
