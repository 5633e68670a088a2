"""Serve the one package in a folder, without routing: SageMaker unpacks a model to `/opt/ml/model`, KServe elsewhere."""

from dataclasses import replace
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from include.serving.config import ServingConfig
from include.settings import Settings
from include.stores import packages
from include.stores.files import atomic
from ml.errors import SetupError
from ml.packaging import package_files
from ml.scoring import manifest

_KEYS, _SHORT = "serving_keys", 16


def configure(settings: Settings, config: ServingConfig) -> tuple[str, Settings, ServingConfig]:
    """Return the use case of the package in `config.model_folder`, and the settings and configuration to serve it.

    The key that must have signed it is `config.trusted_key`, or, without one, any of the trusted keys of `settings`.
    Raises SetupError when the folder has not exactly one package or the key is no public key, and PackageError when the
    package is damaged or not signed by that key.
    """
    folder = Path(config.model_folder)
    stored = [each for each in packages.stored(folder) if (folder / each / packages.MANIFEST).is_file()]
    if len(stored) != 1:
        raise SetupError(
            f"expected one package in {folder}, in a folder named by its digest, got {', '.join(stored) or 'none'}: "
            "unpack there what `ratchet export ... --to sagemaker` wrote, or name a use case to serve"
        )
    settings = replace(settings, packages=folder, trusted_keys=_trusted_keys(settings, config))
    facts = package_files.facts(packages.get(folder, stored[0], settings.trusted_keys))
    return str(facts["use_case"]), settings, replace(config, package=stored[0])


def _trusted_keys(settings: Settings, config: ServingConfig) -> Path:
    """Return the folder of the trusted keys, to which the key of the configuration is written if there is one."""
    if not config.trusted_key:
        return settings.trusted_keys
    pem = config.trusted_key.encode()
    try:
        serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise SetupError(
            f"expected RATCHET_SERVING_TRUSTED_KEY to be a public key in PEM, got {config.trusted_key[:40]!r}: "
            "the folder of trusted keys has those of this installation"
        ) from None
    folder = settings.home / _KEYS / manifest.sha256(pem)[:_SHORT]
    atomic.write(folder / "key.pem", pem)
    return folder
