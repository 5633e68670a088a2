"""Sign and verify packages in the OpenSSF model-signing format.

The signed text is an in-toto statement with the SHA-256 of every file in the package. The command
`model_signing verify key` accepts it too.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from include.settings import Settings
from include.stores.signing import dsse
from ml.errors import PackageError, SignatureError
from ml.scoring import manifest

SIGNATURE = "model.sig"
_PAYLOAD = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://model_signing/signature/v1.0"


def sign(digest: str, files: Mapping[str, bytes], settings: Settings) -> dict[str, bytes]:
    """Return `files` plus a signature over all of them as the package `digest`; raises SetupError without a key."""
    statement = json.dumps(_statement(digest, _hashes(files)), sort_keys=True).encode()
    return {**files, SIGNATURE: dsse.sign(statement, _PAYLOAD, dsse.PACKAGES, settings)}


def verify(digest: str, files: Mapping[str, bytes], trusted: Path) -> None:
    """Raise PackageError unless a key in the folder `trusted` signed exactly these `files`."""
    if SIGNATURE not in files:
        raise _package_error(digest, f"has no {SIGNATURE}: it is not signed")
    try:
        statement = json.loads(dsse.verify(files[SIGNATURE], _PAYLOAD, dsse.PACKAGES, trusted))
    except SignatureError as fault:
        raise _package_error(digest, str(fault)) from None
    signed_as, actual = _resources(digest, statement), _hashes(files)
    for name in sorted(signed_as.keys() | actual.keys()):
        if signed_as.get(name) != actual.get(name):
            difference = f"{signed_as.get(name) or 'nothing'}, found {actual.get(name) or 'no such file'}"
            raise _package_error(digest, f"has a signature of other files: {name!r} was signed as {difference}")


def public_key(files: Mapping[str, bytes], trusted: Path) -> str:
    """Return the public key in the folder `trusted`, as PEM, with which `files` that `verify` accepts were signed."""
    return dsse.public_key(files[SIGNATURE], dsse.PACKAGES, trusted)


def _resources(digest: str, statement: Mapping[str, Any]) -> dict[str, str]:
    if (statement["_type"], statement["predicateType"]) != (_STATEMENT, _PREDICATE):
        raise _package_error(digest, f"has a signature of another statement, {statement['predicateType']!r}")
    named = statement["predicate"]["resources"]
    if {each["algorithm"] for each in named} != {"sha256"}:
        raise _package_error(digest, "has a signature over hashes other than SHA-256")
    return {str(each["name"]): str(each["digest"]) for each in named}


def _statement(digest: str, resources: Mapping[str, str]) -> dict[str, Any]:
    combined = hashlib.sha256(b"".join(bytes.fromhex(resources[name]) for name in sorted(resources))).hexdigest()
    return {
        "_type": _STATEMENT,
        "subject": [{"name": digest, "digest": {"sha256": combined}}],
        "predicateType": _PREDICATE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [SIGNATURE],
            },
            "resources": [
                {"name": name, "algorithm": "sha256", "digest": resources[name]} for name in sorted(resources)
            ],
        },
    }


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: manifest.sha256(content) for name, content in files.items() if name != SIGNATURE}


def _package_error(digest: str, why: str) -> PackageError:
    return PackageError(
        f"package {digest[:12]} {why}; do not serve it: copy it again from where it was trained, or train again"
    )
