"""A package as the folder of a BentoML service, which `bentoml serve`, `build` and `containerize` take as it is."""

from collections.abc import Mapping

from include.settings import PROJECT
from include.steps.train.export import python_module
from ml.scoring.scorer import Scorer

_SERVICE_MODULE, _PINNED = "include.export_runtime.bento_service", PROJECT / "requirements-bento.txt"


def project(model: Scorer, package: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of the service by path, all in one folder: the service, its module, and pinned requirements.

    The module has the files `package`, from which `model` was loaded, and the scorer that needs only NumPy.
    """
    folder, module = f"{model.use_case}-{model.digest[:12]}-bento", python_module.name(model)
    texts = {
        "service.py": python_module.runtime_source(_SERVICE_MODULE, module),
        "bentofile.yaml": _build_options(model, module),
        "requirements.txt": _PINNED.read_text(encoding="utf-8"),
        "README.md": _readme(model, module),
    }
    files = {name: text.encode() for name, text in texts.items()}
    files |= {f"{module}/{name}": content for name, content in python_module.files(model, package).items()}
    return {f"{folder}/{name}": content for name, content in files.items()}


def _build_options(model: Scorer, module: str) -> str:
    return f"""\
service: "service:Model"
description: "file: ./README.md"
labels:
  use_case: "{model.use_case}"
  night: "{model.facts.get("night")}"
  package: "{model.digest}"
include: ["service.py", "README.md", "requirements.txt", "{module}/"]
exclude: ["__pycache__/"]
python:
  requirements_txt: "./requirements.txt"
  lock_packages: false
docker:
  python_version: "3.11"
"""


def _readme(model: Scorer, module: str) -> str:
    row = ", ".join(f'"{name}": ...' for name in model.request_schema.names)
    return f"""\
# {module}

The model `{model.digest}`, trained as of {model.facts.get("night")}, as a BentoML service.

```
pip install -r requirements.txt
bentoml serve .
curl 127.0.0.1:3000/score -H 'Content-Type: application/json' -d '{{"rows": [{{{row}}}]}}'
```

The answer is a list with the score of each row. A missing value is null. A row that cannot be scored is answered with
status 422 and the reason. `bentoml build` and `bentoml containerize` make an image of this folder.
The code is Ratchet's, under the Apache License 2.0; the model in `{module}/package/` belongs to whoever trained it.
"""
