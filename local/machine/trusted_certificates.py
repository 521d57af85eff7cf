"""Writes the certificate authorities that this machine trusts in the form that Java reads."""

import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress

import certifi
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore
from cryptography.x509 import load_der_x509_certificate


def machine_certificates() -> list[bytes]:
    """As OpenSSL finds them, in DER; those of certifi on a machine that has none."""
    context = ssl.create_default_context()
    if not context.get_ca_certs():
        context.load_verify_locations(certifi.where())
    return context.get_ca_certs(binary_form=True)


def trust_store(certificates: Iterable[bytes]) -> bytes:
    """A PKCS#12 file without a password."""
    return serialize_java_truststore(list(_entries(certificates)), NoEncryption())


def _entries(certificates: Iterable[bytes]) -> Iterator[PKCS12Certificate]:
    for number, certificate in enumerate(certificates):
        with suppress(ValueError):  # an old authority may break a rule that OpenSSL does not check
            yield PKCS12Certificate(load_der_x509_certificate(certificate), str(number).encode())
