"""What SageMaker gets: an archive that the server serves from where it is unpacked, and a request that AWS accepts."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import boto3
import pandas as pd
import pytest
from botocore.validate import ParamValidator

from bench import score_paths
from include.serving import child_server
from include.settings import Settings
from include.steps.train import export
from include.steps.train.export import ExportFormat, sagemaker
from include.stores import packages
from ml.scoring.request_schema import RequestSchema
from tests import edge

AWS = {"region_name": "eu-west-1", "aws_access_key_id": "any", "aws_secret_access_key": "any"}
THRESHOLDS = 200


def exported(kind: str, home: Settings, folder: Path) -> Path:
    return export.export(edge.stored(edge.package(edge.model(kind)), home), ExportFormat.SAGEMAKER, folder)


def unpacked(archive: Path, folder: Path) -> Path:
    """Return `folder` with the files of an archive, as SageMaker unpacks it to /opt/ml/model."""
    with tarfile.open(archive, "r:gz") as tar:
        tar.extractall(folder, filter="data")
    return folder


def test_the_archive_has_the_signed_package_in_a_folder_named_by_its_digest(home: Settings, tmp_path: Path) -> None:
    folder = unpacked(exported("trees", home, tmp_path) / "model.tar.gz", tmp_path / "model")
    (digest,) = packages.stored(folder)
    assert packages.get(folder, digest, home.trusted_keys) == packages.get(home.packages, digest, home.trusted_keys)


def test_the_request_is_one_that_sagemaker_accepts(home: Settings, tmp_path: Path) -> None:
    request = json.loads((exported("trees", home, tmp_path) / "create-model.json").read_text())
    service = boto3.client("sagemaker", **AWS).meta.service_model
    report = ParamValidator().validate(request, service.operation_model("CreateModel").input_shape)
    assert not report.has_errors(), report.generate_report()


def test_the_request_has_the_key_that_signed_the_package_and_no_other(home: Settings, tmp_path: Path) -> None:
    (key,) = home.trusted_keys.glob("*.pem")
    (home.trusted_keys / "another.pem").write_text("no key")
    request = json.loads((exported("trees", home, tmp_path) / "create-model.json").read_text())
    assert request["PrimaryContainer"]["Environment"] == {sagemaker.KEY_VARIABLE: key.read_text()}


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["trees", "network of a number"])
def test_a_container_s_server_answers_signed_requests_with_the_scores_of_the_package(
    kind: str, home: Settings, tmp_path: Path
) -> None:
    """The server has a new home with no key, no routing and no warehouse: only what SageMaker gives to a container."""
    folder = exported(kind, home, tmp_path)
    model_folder = unpacked(folder / "model.tar.gz", tmp_path / "model")
    request = json.loads((folder / "create-model.json").read_text())
    key = request["PrimaryContainer"]["Environment"][sagemaker.KEY_VARIABLE]
    empty = tmp_path / "empty"
    bare = replace(
        home, home=empty, **{name: empty / name for name in ("packages", "trusted_keys", "routes", "prediction_log", "feature_store")}
    )  # fmt: skip
    model = edge.model(kind)
    rows = score_paths.hard_rows(model, edge.KNOWN, THRESHOLDS)
    expected = model.predict(pd.DataFrame(rows, columns=list(model.encoder.names))).tolist()
    columns = RequestSchema.from_encoder(model.encoder).names
    table = io.StringIO()
    pd.DataFrame(rows, columns=list(columns), dtype=object).to_csv(table, index=False, header=False)
    with child_server.run_server("serve", bare, model_folder=model_folder, trusted_key=key) as server:
        client = boto3.client("sagemaker-runtime", endpoint_url=server.address, **AWS)

        def invoke(content_type: str, accept: str, body: str) -> str:
            reply = client.invoke_endpoint(EndpointName="taxi", ContentType=content_type, Accept=accept, Body=body)
            return str(reply["Body"].read().decode())

        answer = invoke("application/json", "application/json", json.dumps({"instances": rows}))
        assert json.loads(answer) == {"predictions": expected}
        assert [float(line) for line in invoke("text/csv", "text/csv", table.getvalue()).splitlines()] == expected
        assert json.loads(invoke("text/csv", "application/json", "13,docks")) == {
            "predictions": [model.predict_row({"hour": 13.0, "zone": "docks"})]
        }
