"""Create the S3 buckets and MLflow's user for tasks. MLflow creates its administrator itself."""

import configparser
from pathlib import Path

import boto3
import httpx

from include.platform.compose import secret_files
from ml.errors import SetupError


def make_buckets(secrets_dir: Path, endpoint: str = secret_files.S3) -> list[str]:
    """Create the buckets in `secret_files.BUCKETS` that do not exist yet, and return their names."""
    credentials = _read_section(secrets_dir / secret_files.ADMIN, "default")
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **credentials)
    existing = {each["Name"] for each in client.list_buckets()["Buckets"]}
    wanted = dict.fromkeys(name for names in secret_files.BUCKETS.values() for name in names)
    missing = [name for name in wanted if name not in existing]
    for name in missing:
        client.create_bucket(Bucket=name)
    return missing


def make_users(secrets_dir: Path, address: str) -> None:
    """Create the MLflow user that tasks log in as, or update its password; raises SetupError when MLflow refuses."""
    admin = _read_section(secrets_dir / "mlflow_auth", "mlflow")
    tasks = _read_section(secrets_dir / "mlflow_credentials", "mlflow")
    name, password = tasks["mlflow_tracking_username"], tasks["mlflow_tracking_password"]
    as_admin = (admin["admin_username"], admin["admin_password"])
    with httpx.Client(base_url=address, auth=as_admin, timeout=30, trust_env=False) as client:
        if client.get("/api/2.0/mlflow/users/get", params={"username": name}).status_code == httpx.codes.OK:
            reply = client.patch("/api/2.0/mlflow/users/update-password", json={"username": name, "password": password})
        else:
            reply = client.post("/api/2.0/mlflow/users/create", json={"username": name, "password": password})
    if reply.is_error:
        raise SetupError(
            f"MLflow at {address} refused the user {name} ({reply.status_code}): {reply.text[:200]}. If its administrator's "
            "password was changed there, write the new one into the secret mlflow_auth"
        )


def _read_section(file: Path, name: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(file.read_text())
    return dict(parser[name])
