"""Buckets are made on a real S3 server, each once, whoever shares them."""

import configparser
from pathlib import Path

import boto3
import pytest

from include.platform.compose import accounts, secret_files
from tests import s3

pytestmark = pytest.mark.servers


def test_every_bucket_that_identities_share_is_made_once_and_what_is_there_is_kept(
    s3_server: s3.Server, tmp_path: Path
) -> None:
    who = {"aws_access_key_id": s3_server.key, "aws_secret_access_key": s3_server.secret}
    written = configparser.ConfigParser(interpolation=None)
    written["default"] = who
    with (tmp_path / secret_files.ADMIN).open("w") as file:
        written.write(file)
    assert accounts.make_buckets(tmp_path, s3_server.endpoint) == ["lake", "landing", "mlflow"]
    assert accounts.make_buckets(tmp_path, s3_server.endpoint) == []
    client = boto3.client("s3", endpoint_url=s3_server.endpoint, region_name="us-east-1", **who)
    assert {"lake", "landing", "mlflow"} <= {each["Name"] for each in client.list_buckets()["Buckets"]}
