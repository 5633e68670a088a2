"""Airflow's complete configuration, as the environment of its processes; there is no `airflow.cfg`."""

import os
from dataclasses import dataclass
from pathlib import Path

from include.settings import PROJECT, Settings

USERS = {"admin": "admin", "tech_lead": "user", "business_owner": "user", "ops": "op", "guest": "viewer"}
PASSWORDS_FILE = "passwords.json"
PARALLEL_FITS = 2  # candidates fitted at the same time: the slots of the pool `training`

# Imported once, by the process that forks the task processes: a task then starts in .2 s instead of several seconds.
# Libraries only, never Ratchet's own code, so that the next task sees an edit. Forking is safe because that process
# only imports: thread pools (BLAS, OpenMP, Arrow, Polars, Tokio) start at first use, in the task.
PRELOADED = (
    "airflow.executors.local_executor",
    "airflow.dag_processing.dagbag",
    "airflow.dag_processing.importers.python_importer",
    "airflow.dag_processing.bundles.local",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.sdk.execution_time.timeout",
    "airflow.sdk.api.client",
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.definitions.retry_policy",
    "airflow.sdk.definitions.timetables.trigger",
    "airflow.providers.standard.operators.hitl",
    "airflow.providers.amazon.aws.assets.s3",
    "airflow.providers.common.io.assets.file",
    "deltalake",
    "lightgbm",
    "mlflow",
    "numpy",
    "pandas",
    "pandera.backends.pandas.builtin_hypotheses",
    "pandera.backends.pandas.container",
    "pandera.pandas",
    "pandera.typing.dask",  # every pandera model imports it, even without Dask frames
    "polars",
    "pyarrow.parquet",
    "sklearn.linear_model",
    "sqlalchemy.orm",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AirflowSecrets:
    """The keys with which Airflow signs tokens and encrypts connections."""

    jwt: str
    api: str
    fernet: str


def passwords_file(settings: Settings) -> Path:
    """Return the file in which the simple auth manager keeps the passwords of the demo users."""
    return settings.secrets / PASSWORDS_FILE


def base_url(settings: Settings) -> str:
    """Return the address of Airflow's UI and REST API."""
    return settings.airflow_url


def task_url(settings: Settings, port: int) -> str:
    """Return the address to which tasks report."""
    return f"http://{settings.host}:{port}/execution/"


def airflow(settings: Settings, keys: AirflowSecrets, *, task_port: int, schedules: bool = True) -> dict[str, str]:
    """Return the environment of every Airflow process.

    Without `schedules`, ingestion runs only when triggered, and DAG files are not watched for changes: a scheduled
    night must not start during a demo run.
    """
    url = base_url(settings)
    options = {
        "CORE__DAGS_FOLDER": PROJECT / "dags",
        "CORE__PLUGINS_FOLDER": PROJECT / "plugins",
        "CORE__LOAD_EXAMPLES": False,
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": 4,
        "CORE__DAGBAG_IMPORT_TIMEOUT": 240,  # a busy machine may need minutes for a file that takes seconds
        "CORE__TASK_SUCCESS_OVERTIME": 240,
        "CORE__FERNET_KEY": keys.fernet,
        "CORE__EXECUTION_API_SERVER_URL": task_url(settings, task_port),
        "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": passwords_file(settings),
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{settings.airflow_home / 'airflow.db'}",
        "API__HOST": settings.host,
        "API__PORT": settings.airflow_port,
        "API__WORKERS": 1,
        "API__BASE_URL": url,
        "API__SECRET_KEY": keys.api,
        "API__CLIENT_USE_PUBLIC_CERTS": False,
        "API_AUTH__JWT_SECRET": keys.jwt,
        "EXECUTION_API__JWT_EXPIRATION_TIME": 3600,
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.1,
        "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": 5,
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": 30,
        "SCHEDULER__ENABLE_HEALTH_CHECK": False,
        "SCHEDULER__MP_START_METHOD": "forkserver",
        "SCHEDULER__MP_FORKSERVER_PRELOAD": ",".join(PRELOADED),
        # Airflow's supervisor may miss the end of its task, and then sleeps until the next heartbeat is due.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": 1,
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 30 if schedules else 3600,
        "DAG_PROCESSOR__REFRESH_INTERVAL": 30 if schedules else 3600,
        "DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": 300,
        "DAG_PROCESSOR__PARSING_PROCESSES": 1,
        "DAG_PROCESSOR__PRINT_STATS_INTERVAL": 0,
        "LOGGING__BASE_LOG_FOLDER": settings.airflow_home / "logs",
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": settings.airflow_home / "logs" / "dag_processor",
        "LOGGING__UVICORN_LOGGING_LEVEL": "WARNING",
        "LOGGING__COLORED_CONSOLE_LOG": False,
        "USAGE_DATA_COLLECTION__ENABLED": False,
    }
    share = max(1, (os.cpu_count() or 1) // PARALLEL_FITS)
    return child_environment(settings) | {
        "AIRFLOW_HOME": str(settings.airflow_home),
        "RATCHET_THREADS": os.environ.get("RATCHET_THREADS", str(share)),
        "RATCHET_SCHEDULES": "on" if schedules else "off",
        **{f"AIRFLOW__{key}": str(value) for key, value in options.items()},
    }


def child_environment(settings: Settings) -> dict[str, str]:
    """Return the environment for a child process: our import path, no proxy for local addresses, telemetry off."""
    ours = {
        "PYTHONPATH": str(PROJECT),
        "RATCHET_HOME": str(settings.home),
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1", "localhost", settings.host))),
        "OPENBLAS_NUM_THREADS": "1",
        "NUMPY_MADVISE_HUGEPAGE": "0",  # with huge pages, the process waits while the kernel compacts memory
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin while they wait for a core make training very slow
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # unused background jobs, nine processes of 140 to 260 MB
        "DO_NOT_TRACK": "true",
        "SPT_NOENV": "1",
    }
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | ours
