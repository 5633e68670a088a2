"""Asks the server of this machine whether it is ready, as a program: for a container's health check."""

import sys
import urllib.request

from include.serving import config
from ml.errors import RatchetError

_SECONDS = 4


def main() -> None:
    """Exit 0 when the server has something to answer with, else print why not and exit 1."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{config.load().port}/readyz", timeout=_SECONDS).close()
    except (OSError, RatchetError) as fault:
        sys.exit(str(fault))


if __name__ == "__main__":
    main()
