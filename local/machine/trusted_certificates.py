"""Writes the certificate authorities that this machine trusts in the form that Java reads."""

import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress

import certifi
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore
from cryptography.x509 import load_der_x509_certificate


def machine_certificates() -> list[bytes]:
    """The authorities that OpenSSL finds, in DER, or those of certifi if the machine has none."""
    context = ssl.create_default_context()
    if not context.get_ca_certs():
        context.load_verify_locations(certifi.where())
    both = zip(context.get_ca_certs(), context.get_ca_certs(binary_form=True), strict=True)
    return [der for told, der in both if _is_positive(told["serialNumber"])]


def trust_store(certificates: Iterable[bytes]) -> bytes:
    """A PKCS#12 file without a password."""
    return serialize_java_truststore(list(_entries(certificates)), NoEncryption())


def _is_positive(number: object) -> bool:
    """Some old authorities have a serial number that is not positive, and cryptography warns about it."""
    return int(str(number), 16) > 0


def _entries(certificates: Iterable[bytes]) -> Iterator[PKCS12Certificate]:
    for number, certificate in enumerate(certificates):
        with suppress(ValueError):  # cryptography is stricter than OpenSSL; the machine's others are enough
            yield PKCS12Certificate(load_der_x509_certificate(certificate), str(number).encode())
