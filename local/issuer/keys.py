"""The key that signs the local stack's tokens. It is made once, and stays in the checkout's `.local`."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from local.machine.make_once import make_once
from local.machine.processes import CannotStartError

ALGORITHM = "RS256"
_FILE = "key.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    private: RSAPrivateKey

    @property
    def id(self) -> str:
        public = self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(public).hexdigest()[:16]

    def as_jwk(self) -> dict[str, Any]:
        """The public half as a JWK."""
        public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.id, "alg": ALGORITHM, "use": "sig"}


def signing_key(home: Path) -> SigningKey:
    """The checkout's key, which is made if there is none."""
    home.mkdir(parents=True, exist_ok=True)
    directory = make_once(home / "issuer", _make, say=print)
    private = serialization.load_pem_private_key((directory / _FILE).read_bytes(), password=None)
    if not isinstance(private, RSAPrivateKey):
        raise CannotStartError(f"{directory / _FILE}: should be an RSA key; remove {directory} to get a new one")
    return SigningKey(private=private)


def _make(directory: Path) -> None:
    """Makes a key file that nobody else may read."""
    private = generate_private_key(public_exponent=65_537, key_size=2_048)
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = directory / _FILE
    file.touch(mode=0o600)
    file.write_bytes(text)
