"""Health check of a container: exit with 0 if the server on this machine is ready."""

import sys
import urllib.request

from include.serving import config
from ml.errors import RatchetError

_SECONDS = 4


def main() -> None:
    """Return when the server is ready; otherwise print the reason and exit with 1."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{config.load().port}/readyz", timeout=_SECONDS).close()
    except (OSError, RatchetError) as fault:
        sys.exit(str(fault))


if __name__ == "__main__":
    main()
