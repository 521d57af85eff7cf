"""The Flow webhook over TLS: whom it trusts, and that connections behave as they do without."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from delivery.domain.outcome import Delivered, TemporaryFailure
from tests.unit.calling import channel_at, courier
from tests.unit.raw_server import OK, raw_server
from tests.unit.samples import attempt

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that nobody has signed, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(signed.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_server_that_cannot_prove_its_name_hears_nothing(tls: ssl.SSLContext) -> None:
    """The certificate is checked before the token is sent."""
    with raw_server(OK, tls=tls) as server, courier(server.origin) as flow:
        outcome = flow.deliver(attempt(), channel_at(server.origin))
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.code == "network_error"
    assert server.requests == []


def dripping_for_nine(request: bytes) -> Iterator[bytes]:
    if b'"notification_id": 9,' not in request:
        yield OK
        return
    for _ in range(2_000):
        yield b"HTTP/1.1 100 Continue\r\n\r\n"
        sleep(0.02)


def test_over_tls_patience_and_keeping_alive_are_the_same(tls: ssl.SSLContext, certificate: Path) -> None:
    """As with Feishu itself."""
    with raw_server(dripping_for_nine, tls=tls, keep=True) as server, courier(server.origin, patience=1) as flow:
        flow.connections.connection_pool_kw["ca_certs"] = str(certificate)
        delivered = [flow.deliver(attempt(record_id=number), channel_at(server.origin)) for number in (1, 2)]
        connections = server.connections
        dripped = flow.deliver(attempt(record_id=9), channel_at(server.origin))
    assert all(isinstance(outcome, Delivered) for outcome in delivered)
    assert connections == 1
    assert isinstance(dripped, TemporaryFailure)
    assert dripped.code == "provider_timeout"
