"""Verify a package by loading it and scoring its golden rows, in a process that a damaged model may crash."""

import sys
from pathlib import Path

from include.stores import packages
from ml.errors import PackageError
from ml.packaging import package_files
from ml.training.fitting import Model


def load_verified(folder: Path, digest: str, trusted_keys: Path) -> Model:
    """Return the model of a package of `folder` that scores its golden rows as it did when it was packed.

    Raises PackageError otherwise.
    """
    files = packages.get(folder, digest, trusted_keys)
    model = package_files.load(files)
    package_files.check_golden(model, files)
    return model


def main(folder: str, digest: str, trusted: str) -> None:
    """Return if the golden rows get the scores recorded in the package; otherwise print the reason and exit with 1."""
    try:
        load_verified(Path(folder), digest, Path(trusted))
    except PackageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
