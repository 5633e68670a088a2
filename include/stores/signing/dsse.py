"""Signed texts in Sigstore's bundle format, without Sigstore's servers: DSSE envelopes signed with ECDSA on P-256.

The process that trains signs packages, and the process that releases signs routing. Each has its own key, which is
trusted for nothing else.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from include.settings import Settings
from include.stores.files import atomic, secret
from ml.errors import SetupError, SignatureError

_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_SHORT = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """One purpose of signing: the file name of its private key, and the folder of its trusted public keys."""

    purpose: str
    key_file: str
    folder: str

    def trusted_folder(self, keys: Path) -> Path:
        """Return the folder of the public keys that are trusted for this purpose."""
        return keys / self.folder


PACKAGES = Signer(purpose="packages", key_file="package.key", folder=".")
ROUTING = Signer(purpose="routing", key_file="routing.key", folder="routing")
SIGNERS = (PACKAGES, ROUTING)
KEY_FILES = frozenset(each.key_file for each in SIGNERS)


def new_key() -> str:
    """Return a new private key on P-256, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def create_key(signer: Signer, settings: Settings) -> None:
    """Create the private key of `signer` if it is missing, and add its public half to the trusted keys."""
    secret.create(settings.secrets / signer.key_file, new_key)
    add_trusted_key(signer, settings)


def add_trusted_key(signer: Signer, settings: Settings) -> Path:
    """Write the public half of a signing key to the trusted keys and return its path; raises SetupError."""
    public = _pem(_signing_key(signer, settings).public_key())
    path = signer.trusted_folder(settings.trusted_keys) / f"{hashlib.sha256(public).hexdigest()[:_SHORT]}.pem"
    if not path.exists():
        atomic.write(path, public)
    return path


def sign(text: bytes, payload_type: str, signer: Signer, settings: Settings) -> bytes:
    """Return a signed envelope around `text`, which has the media type `payload_type`; raises SetupError without a key.

    Signing is deterministic (RFC 6979): the same key and text give the same bytes.
    """
    key = _signing_key(signer, settings)
    signature = key.sign(
        _pre_authentication_encoding(text, payload_type), ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    )
    bundle = {
        "mediaType": _BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": _hint(key.public_key())}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(text).decode(),
            "payloadType": payload_type,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return json.dumps(bundle, sort_keys=True).encode()


def verify(envelope: bytes, payload_type: str, signer: Signer, keys: Path) -> bytes:
    """Return the text in `envelope` after verifying its signature with the keys in `keys` that `signer` trusts.

    Raises SignatureError when the envelope is malformed, has another `payload_type`, or has no valid signature by a
    trusted key. Its message continues a sentence that begins with the name of the signed file.
    """
    try:
        bundle = json.loads(envelope)
        hint = str(bundle["verificationMaterial"]["publicKey"]["hint"])
        dsse = bundle["dsseEnvelope"]
        types = (bundle["mediaType"], dsse["payloadType"])
        text, signature = (
            base64.b64decode(each, validate=True) for each in (dsse["payload"], dsse["signatures"][0]["sig"])
        )
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise SignatureError(f"has a signature that is not a Sigstore bundle: it starts {envelope[:40]!r}") from None
    if types != (_BUNDLE, payload_type):
        raise SignatureError(f"has a signature of the type {types}, expected {(_BUNDLE, payload_type)}")
    try:
        _trusted_key(hint, signer.trusted_folder(keys)).verify(
            signature, _pre_authentication_encoding(text, payload_type), ec.ECDSA(hashes.SHA256())
        )
    except InvalidSignature:
        raise SignatureError(f"has a forged signature: it was not made with the key {hint[:_SHORT]}") from None
    return text


def public_key(envelope: bytes, signer: Signer, keys: Path) -> str:
    """Return the trusted public key, as PEM, with which an `envelope` that `verify` accepts was signed."""
    hint = str(json.loads(envelope)["verificationMaterial"]["publicKey"]["hint"])
    return _pem(_trusted_key(hint, signer.trusted_folder(keys))).decode()


def _trusted_key(hint: str, folder: Path) -> ec.EllipticCurvePublicKey:
    known, unusable = {}, []
    for path in sorted(folder.glob("*.pem")):
        try:
            key = serialization.load_pem_public_key(path.read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm):
            unusable.append(path.name)
            continue
        if isinstance(key, ec.EllipticCurvePublicKey):
            known[_hint(key)] = key
    if hint not in known:
        names = ", ".join(each[:_SHORT] for each in known) or "no key"
        hidden = f" (not readable as a public key: {', '.join(unusable)})" if unusable else ""
        raise SignatureError(f"is signed by the key {hint[:_SHORT]}, but {folder} trusts {names}{hidden}")
    return known[hint]


def _pre_authentication_encoding(text: bytes, payload_type: str) -> bytes:
    """Return DSSE's pre-authentication encoding of a payload (secure-systems-lab/dsse, protocol.md)."""
    return b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(text), text)


def _signing_key(signer: Signer, settings: Settings) -> ec.EllipticCurvePrivateKey:
    path = settings.secrets / signer.key_file
    if not path.is_file():
        raise SetupError(
            f"expected the key that signs {signer.purpose} in {path}, but there is none; "
            "run the set-up (`make run` does)"
        )
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SetupError(f"the key in {path} should be on the curve P-256; remove it and run the set-up")
    return key


def _pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _hint(key: ec.EllipticCurvePublicKey) -> str:
    """Return the identifier of a key in a bundle: the SHA-256 of the public key's PEM."""
    return hashlib.sha256(_pem(key)).hexdigest()
