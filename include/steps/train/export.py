"""Export a package for use without Ratchet: read it from the store, verify it, and write it to a folder."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from include import usecases
from include.settings import PROJECT, Settings, load_settings
from include.stores import ledger, packages, warehouse
from include.stores.files import atomic
from include.stores.signing import model_signing
from ml.errors import RequestError
from ml.packaging.export import wheel
from ml.packaging.export.wheel import Wheel
from ml.scoring import scorer
from ml.scoring.scorer import Scorer

CODE = "_ml"
_ML = PROJECT / "ml"
_SHIPPED = (
    "__init__.py",
    "arrays.py",
    "errors.py",
    "scoring/*.py",
)  # this imports only NumPy, and nothing else of `ml`
_SCORER_MODULE, _CLI_MODULE = "include.export_runtime.scorer", "include.export_runtime.cli"
_LEAST_DIGITS = 6


class ExportFormat(StrEnum):
    """The formats that a package can be exported to."""

    ONNX = "onnx"
    WHEEL = "wheel"


def export(package: str, export_format: ExportFormat, folder: Path) -> Path:
    """Write a package in `export_format` into `folder`, and return the file.

    `package` is a digest, the beginning of one, or a use case, which stands for its champion. Raises RequestError when
    this is not exactly one package, or when it cannot be exported in this format. Raises PackageError when the package
    is not the bytes that a trusted key signed, or does not reproduce the scores of its golden rows.
    """
    settings = load_settings()
    digest = _digest(package, settings)
    files = packages.get(settings.packages, digest, settings.trusted_keys)
    model = scorer.load_package(files, digest)
    name, content = _onnx(model, files) if export_format is ExportFormat.ONNX else _wheel(model, files)
    atomic.write(folder / name, content)
    return folder / name


def _digest(package: str, settings: Settings) -> str:
    if package in usecases.names_of_models():
        champion = ledger.champion(warehouse.engine(settings.warehouse_url), package)
        if champion is None:
            raise RequestError(
                f"expected {package} to have a champion, but it has had none: name a package by its digest"
            )
        return str(champion.subject)
    stored = sorted(each.name for each in settings.packages.glob("[!.]*"))
    matches = [each for each in stored if each.startswith(package)] if len(package) >= _LEAST_DIGITS else []
    if len(matches) != 1:
        raise RequestError(
            f"expected a use case, or the first {_LEAST_DIGITS} digits or more of the digest of one package, got "
            f"{package!r}: {len(matches)} of the {len(stored)} packages in {settings.packages} match"
        )
    return matches[0]


def _onnx(model: Scorer, files: Mapping[str, bytes]) -> tuple[str, bytes]:
    from ml.packaging.export import onnx_graph

    signature = files[model_signing.SIGNATURE].decode()
    return f"{model.use_case}-{model.digest[:12]}.onnx", onnx_graph.export(model, files, {"signature": signature})


def _wheel(model: Scorer, files: Mapping[str, bytes]) -> tuple[str, bytes]:
    module = f"ratchet_{model.use_case.replace('-', '_')}"
    built = Wheel(
        module=module,
        version=wheel.version(model.digest, model.facts),
        summary=f"The model {model.digest[:12]} of {model.use_case}, scored by NumPy alone.",
        description=_description(module, model),
        files={
            **_code(module),
            **{f"package/{name}": content for name, content in files.items()},
            "package.sha256": f"{model.digest}\n".encode(),
            "py.typed": b"",
        },
    )
    return built.filename, built.to_bytes()


def _code(module: str) -> dict[str, bytes]:
    """Return the wheel's source files: the scorer, the command line, and the modules of `ml` that score."""
    scorer_source, cli_source = (
        _text(PROJECT.joinpath(*each.split(".")).with_suffix(".py")) for each in (_SCORER_MODULE, _CLI_MODULE)
    )
    paths = [path for pattern in _SHIPPED for path in sorted(_ML.glob(pattern))]
    texts = {f"{CODE}/{path.relative_to(_ML).as_posix()}": _text(path) for path in paths}
    texts |= {"__init__.py": scorer_source, "__main__.py": cli_source.replace(_SCORER_MODULE, module)}
    return {name: wheel.relocate(text, f"{module}.{CODE}").encode() for name, text in texts.items()}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _description(module: str, model: Scorer) -> str:
    return f"""\
# {module}

The model `{model.digest}`, trained as of {model.facts.get("night")}, with everything that scoring needs but NumPy.

```python
import {module}
model = {module}.load()
model.score([{{{", ".join(f'"{name}": ...' for name in model.request_schema.names)}}}])
```

Or `python -m {module} rows.csv`. A missing value is None, in a CSV an empty cell.
The code is Ratchet's, under the Apache License 2.0; the model in `package/` belongs to whoever trained it.
"""
