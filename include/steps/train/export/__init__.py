"""Export a package for use without Ratchet: read it from the store, verify it, and write it to a folder."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from include import usecases
from include.settings import Settings, load_settings
from include.steps.train.export import bento, python_module, sagemaker
from include.stores import ledger, packages, warehouse
from include.stores.files import atomic
from include.stores.signing import model_signing
from ml.errors import RequestError
from ml.scoring import scorer
from ml.scoring.scorer import Scorer

_LEAST_DIGITS = 6


class ExportFormat(StrEnum):
    """The formats that a package can be exported to."""

    ONNX = "onnx"
    WHEEL = "wheel"
    BENTO = "bento"
    SAGEMAKER = "sagemaker"


def export(package: str, export_format: ExportFormat, folder: Path) -> Path:
    """Write a package in `export_format` into `folder`, and return the file, or the folder of files, that was written.

    `package` is a digest, the beginning of one, or a use case, which stands for its champion. Raises RequestError when
    this is not exactly one package, or when it cannot be exported in this format. Raises PackageError when the package
    is not the bytes that a trusted key signed, or does not reproduce the scores of its golden rows.
    """
    settings = load_settings()
    digest = _digest(package, settings)
    files = packages.get(settings.packages, digest, settings.trusted_keys)
    exported = _EXPORTERS[export_format](scorer.load_package(files, digest), files, settings)
    for name, content in exported.items():
        atomic.write(folder / name, content)
    return folder / Path(next(iter(exported))).parts[0]


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


def _onnx(model: Scorer, files: Mapping[str, bytes], _: Settings) -> Mapping[str, bytes]:
    from ml.packaging.export import onnx_graph

    signature = files[model_signing.SIGNATURE].decode()
    return {f"{model.use_case}-{model.digest[:12]}.onnx": onnx_graph.export(model, files, {"signature": signature})}


def _wheel(model: Scorer, files: Mapping[str, bytes], _: Settings) -> Mapping[str, bytes]:
    built = python_module.wheel(model, files)
    return {built.filename: built.to_bytes()}


def _bento(model: Scorer, files: Mapping[str, bytes], _: Settings) -> Mapping[str, bytes]:
    return bento.project(model, files)


def _sagemaker(model: Scorer, files: Mapping[str, bytes], settings: Settings) -> Mapping[str, bytes]:
    return sagemaker.artifacts(model, files, settings.trusted_keys)


# Each returns the exported files by path: one file, or the files of one folder.
_EXPORTERS: Mapping[ExportFormat, Callable[[Scorer, Mapping[str, bytes], Settings], Mapping[str, bytes]]] = {
    ExportFormat.ONNX: _onnx,
    ExportFormat.WHEEL: _wheel,
    ExportFormat.BENTO: _bento,
    ExportFormat.SAGEMAKER: _sagemaker,
}
