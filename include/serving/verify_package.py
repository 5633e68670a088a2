"""Verify a package by loading it and scoring its golden rows, in a process that a damaged model may crash."""

import sys
from pathlib import Path

from include.stores import packages
from ml.errors import PackageError
from ml.packaging import package_files


def main(folder: str, digest: str, trusted: str) -> None:
    """Return if the golden rows get the scores recorded in the package; otherwise print the reason and exit with 1."""
    try:
        files = packages.get(Path(folder), digest, Path(trusted))
        package_files.check_golden(package_files.load(files), files)
    except PackageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
