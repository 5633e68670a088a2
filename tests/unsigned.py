"""A package without a signature, for tests of the stores that do not check one."""

import hashlib
import json


def package(answer: float) -> tuple[str, dict[str, bytes]]:
    """Return the digest and the files of a package that only a registry accepts."""
    model = str(answer).encode()
    manifest = json.dumps({"files": {"model": hashlib.sha256(model).hexdigest()}}).encode()
    return hashlib.sha256(manifest).hexdigest(), {"manifest.json": manifest, "model": model}
