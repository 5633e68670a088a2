"""A package as a Python module that only needs NumPy, and the wheel of that module."""

from collections.abc import Mapping
from pathlib import Path

from include.settings import PROJECT
from ml.packaging.export import wheel as wheel_format
from ml.packaging.export.wheel import Wheel
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


def name(model: Scorer) -> str:
    """Return the name of the module of `model`."""
    return f"ratchet_{model.use_case.replace('-', '_')}"


def files(model: Scorer, package: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of the module by their paths in it: its code, the files of the package, and the digest."""
    return {
        **_code(name(model)),
        **{f"package/{each}": content for each, content in package.items()},
        "package.sha256": f"{model.digest}\n".encode(),
        "py.typed": b"",
    }


def wheel(model: Scorer, package: Mapping[str, bytes]) -> Wheel:
    """Return the wheel of the module, with the package that `model` was loaded from."""
    return Wheel(
        module=name(model),
        version=wheel_format.version(model.digest, model.facts),
        summary=f"The model {model.digest[:12]} of {model.use_case}, scored by NumPy alone.",
        description=_description(name(model), model),
        files=files(model, package),
    )


def runtime_source(runtime: str, module: str) -> str:
    """Return the source of a module of `include.export_runtime`, with its imports of the scorer from `module`."""
    return _text(PROJECT.joinpath(*runtime.split(".")).with_suffix(".py")).replace(_SCORER_MODULE, module)


def _code(module: str) -> dict[str, bytes]:
    """Return the source files: the scorer, the command line, and the modules of `ml` that score."""
    paths = [path for pattern in _SHIPPED for path in sorted(_ML.glob(pattern))]
    texts = {f"{CODE}/{path.relative_to(_ML).as_posix()}": _text(path) for path in paths}
    texts |= {
        "__init__.py": runtime_source(_SCORER_MODULE, module),
        "__main__.py": runtime_source(_CLI_MODULE, module),
    }
    return {path: wheel_format.relocate(text, f"{module}.{CODE}").encode() for path, text in texts.items()}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _description(module: str, model: Scorer) -> str:
    return f"""\
# {module}

The model `{model.digest}`, trained as of {model.facts.get("night")}, with everything that scoring needs but NumPy.

```python
import {module}
model = {module}.load()
model.score([{{{", ".join(f'"{each}": ...' for each in model.request_schema.names)}}}])
```

Or `python -m {module} rows.csv`. A missing value is None, in a CSV an empty cell.
The code is Ratchet's, under the Apache License 2.0; the model in `package/` belongs to whoever trained it.
"""
