"""A package as SageMaker takes it: the model's archive, and the request that creates a model of it and the image."""

import json
from collections.abc import Mapping
from pathlib import Path

from include.stores.signing import model_signing
from ml.packaging.export import archive
from ml.scoring.scorer import Scorer

MODEL, REQUEST = "model.tar.gz", "create-model.json"
KEY_VARIABLE = "RATCHET_SERVING_TRUSTED_KEY"


def artifacts(model: Scorer, package: Mapping[str, bytes], trusted: Path) -> dict[str, bytes]:
    """Return the archive and the request by path, both in one folder.

    The archive has the files `package`, from which `model` was loaded, in a folder named by the digest: the model server
    reads this from `/opt/ml/model`. The request has the public key among those in `trusted` that signed the package.
    """
    folder = f"{model.use_case}-{model.digest[:12]}-sagemaker"
    packed = archive.tar({f"{model.digest}/{name}": content for name, content in package.items()})
    request = _create_model(model, model_signing.public_key(package, trusted))
    return {
        f"{folder}/{MODEL}": archive.gzip(packed),
        f"{folder}/{REQUEST}": f"{json.dumps(request, indent=2)}\n".encode(),
    }


def _create_model(model: Scorer, public_key: str) -> dict[str, object]:
    """Return the input of SageMaker's CreateModel; role, image and address are examples to be replaced."""
    return {
        "ModelName": f"{model.use_case.replace('_', '-')}-{model.digest[:12]}",
        "ExecutionRoleArn": "arn:aws:iam::111122223333:role/sagemaker",
        "PrimaryContainer": {
            "Image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/ratchet-server:latest",
            "ModelDataUrl": f"s3://example-bucket/{model.use_case}/{model.digest}/{MODEL}",
            "Environment": {KEY_VARIABLE: public_key},
        },
    }
