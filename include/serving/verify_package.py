"""Loads a package and answers its golden rows, as a program: damaged trees can end the process that parses them."""

import sys
from pathlib import Path

from include.stores import packages
from ml.errors import PackageError
from ml.packaging import package_files


def main(folder: str, digest: str, trusted: str) -> None:
    """Exit 0 when the package gives its golden rows the scores it was packed with, else print why and exit 1."""
    try:
        files = packages.get(Path(folder), digest, Path(trusted))
        package_files.check_golden(package_files.load(files), files)
    except PackageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
