"""A private authority, and certificates that it signed for a broker and for a client."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """As PEM."""

    certificate: str
    key: str


class Authority:
    def __init__(self, subject: x509.Name | None = None) -> None:
        self._key = _new_key()
        self._name = subject or _named("an authority of the tests")
        self._certificate = (
            _builder(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        return self._certificate.public_bytes(Encoding.PEM).decode()

    def signs(self, name: str, *, password: str = "", issuer: x509.Name | None = None) -> Pair:
        """A certificate of this machine for a server or a client. Its issuer may be this authority in other letters."""
        key = _new_key()
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        mine = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = _builder(_named(name), issuer or self._name, key)
        certificate = certificate.add_extension(address, critical=False).add_extension(mine, critical=False)
        encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        return Pair(
            certificate=certificate.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode(),
            key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode(),
        )


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
