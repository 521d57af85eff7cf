"""The Flow webhook over TLS: whom it trusts, and that connections behave as they do without."""

from __future__ import annotations

from collections.abc import Iterator
from time import sleep
from typing import TYPE_CHECKING

from delivery.domain.outcome import Delivered, TemporaryFailure
from tests.unit.feishu.calling import channel_at, courier
from tests.unit.feishu.raw_server import OK, raw_server
from tests.unit.samples import attempt

if TYPE_CHECKING:
    import ssl
    from pathlib import Path


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
