"""Who packed it: a package's signature by a key of ours, in the OpenSSF model-signing format.

The signature is a Sigstore bundle without Sigstore's servers: a DSSE envelope around an in-toto statement that has the
SHA-256 of every file of the folder, signed with ECDSA on P-256. `model_signing verify key` takes it too.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from include.settings import Settings
from include.stores import atomic
from ml import manifest
from ml.errors import PackageError, SetupError

SIGNATURE = "model.sig"
KEY_FILE = "package.key"
_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://model_signing/signature/v1.0"
_SHORT = 16


def new_key() -> str:
    """Return a new private key on P-256, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def trust(where: Settings) -> Path:
    """Write the public half of the signing key among the trusted ones, and return where; raises SetupError."""
    public = _pem(_signing_key(where).public_key())
    path = where.trusted_keys / f"{hashlib.sha256(public).hexdigest()[:_SHORT]}.pem"
    if not path.exists():
        atomic.write(path, public)
    return path


def signed(digest: str, files: Mapping[str, bytes], where: Settings) -> dict[str, bytes]:
    """Return `files` with the signature of all of them as the package `digest`; raises SetupError without a key.

    The same key signs the same files with the same bytes (RFC 6979).
    """
    key = _signing_key(where)
    statement = json.dumps(_statement(digest, _hashes(files)), sort_keys=True).encode()
    signature = key.sign(_encoded(statement), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    bundle = {
        "mediaType": _BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": _hint(key.public_key())}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(statement).decode(),
            "payloadType": _PAYLOAD,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return {**files, SIGNATURE: json.dumps(bundle, sort_keys=True).encode()}


def verify(digest: str, files: Mapping[str, bytes], trusted: Path) -> None:
    """Raise PackageError unless a key in the folder `trusted` signed exactly these `files`."""
    if SIGNATURE not in files:
        raise _refused(digest, f"has no {SIGNATURE}: nobody answers for it")
    statement = _opened(digest, files[SIGNATURE], trusted)
    signed_as, found = _resources(digest, statement), _hashes(files)
    for name in sorted(signed_as.keys() | found.keys()):
        if signed_as.get(name) != found.get(name):
            told = f"{signed_as.get(name) or 'nothing'}, found {found.get(name) or 'no such file'}"
            raise _refused(digest, f"bears a signature of other files: {name!r} was signed as {told}")


def _opened(digest: str, text: bytes, trusted: Path) -> dict[str, Any]:
    """Return the statement in the bundle `text` once a trusted key is shown to have signed it."""
    try:
        bundle = json.loads(text)
        hint = str(bundle["verificationMaterial"]["publicKey"]["hint"])
        envelope = bundle["dsseEnvelope"]
        kinds = (bundle["mediaType"], envelope["payloadType"])
        payload, signature = (
            base64.b64decode(each, validate=True) for each in (envelope["payload"], envelope["signatures"][0]["sig"])
        )
    except (ValueError, KeyError, TypeError, IndexError):
        raise _refused(digest, f"has a {SIGNATURE} that is no Sigstore bundle: it starts {text[:40]!r}") from None
    if kinds != (_BUNDLE, _PAYLOAD):
        raise _refused(digest, f"has a {SIGNATURE} of the kind {kinds}, expected {(_BUNDLE, _PAYLOAD)}")
    try:
        _trusted_key(digest, hint, trusted).verify(signature, _encoded(payload), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise _refused(digest, f"bears a forged signature: the key {hint[:_SHORT]} did not make it") from None
    statement: dict[str, Any] = json.loads(payload)
    return statement


def _trusted_key(digest: str, hint: str, trusted: Path) -> ec.EllipticCurvePublicKey:
    known = {}
    for path in sorted(trusted.glob("*.pem")):
        key = serialization.load_pem_public_key(path.read_bytes())
        if isinstance(key, ec.EllipticCurvePublicKey):
            known[_hint(key)] = key
    if hint not in known:
        names = ", ".join(each[:_SHORT] for each in known) or "none at all"
        raise _refused(digest, f"is signed by the key {hint[:_SHORT]}, and {trusted} trusts {names}")
    return known[hint]


def _resources(digest: str, statement: Mapping[str, Any]) -> dict[str, str]:
    if (statement["_type"], statement["predicateType"]) != (_STATEMENT, _PREDICATE):
        raise _refused(digest, f"bears a signature of another statement, {statement['predicateType']!r}")
    named = statement["predicate"]["resources"]
    if {each["algorithm"] for each in named} != {"sha256"}:
        raise _refused(digest, "bears a signature over other hashes than SHA-256")
    return {str(each["name"]): str(each["digest"]) for each in named}


def _statement(digest: str, resources: Mapping[str, str]) -> dict[str, Any]:
    whole = hashlib.sha256(b"".join(bytes.fromhex(resources[name]) for name in sorted(resources))).hexdigest()
    return {
        "_type": _STATEMENT,
        "subject": [{"name": digest, "digest": {"sha256": whole}}],
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


def _encoded(payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding of a payload (secure-systems-lab/dsse, protocol.md)."""
    return b"DSSEv1 %d %s %d %s" % (len(_PAYLOAD), _PAYLOAD.encode(), len(payload), payload)


def _signing_key(where: Settings) -> ec.EllipticCurvePrivateKey:
    path = where.secrets / KEY_FILE
    if not path.is_file():
        raise SetupError(
            f"expected the key that signs packages in {path}, but there is none; run the set-up (`make run` does)"
        )
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SetupError(f"the key in {path} should be one on the curve P-256; put it away and run the set-up")
    return key


def _pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _hint(key: ec.EllipticCurvePublicKey) -> str:
    """Return what a bundle calls its key: the SHA-256 of the public key's PEM."""
    return hashlib.sha256(_pem(key)).hexdigest()


def _refused(digest: str, why: str) -> PackageError:
    return PackageError(
        f"package {digest[:12]} {why}; do not serve it: fetch it again from where it was trained, or train again"
    )
