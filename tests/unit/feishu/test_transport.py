"""Connections to Feishu: which are used again, and whom they trust."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from ssl import SSLContext
from time import sleep

from delivery.domain.outcome import TemporaryFailure
from delivery.feishu.answer import Answer
from delivery.feishu.transport import NoAnswer, Transport
from tests.unit.feishu.calling import permit
from tests.unit.feishu.raw_server import OK, raw_server

TIMEOUT = 0.4


def opened(timeout: float = 5.0, **options: str) -> closing[Transport]:
    return closing(Transport.open(concurrency=4, timeout=timedelta(seconds=timeout), **options))


def post(transport: Transport, origin: str, number: int) -> Answer | NoAnswer:
    return transport.post(f"{origin}/", document={"number": number}, headers={}, permit=permit())


def test_kept_alive_connections_are_reused() -> None:
    """A burst to one host does not pay a handshake for each message."""
    with raw_server(OK, keep=True) as server, opened() as transport:
        answers = [post(transport, server.origin, number) for number in range(20)]
    assert all(isinstance(answer, Answer) for answer in answers)
    assert (server.connections, len(server.requests)) == (1, 20)


def test_a_connection_that_timed_out_is_not_used_again() -> None:
    """Its late answer would be taken for the next message's."""

    def late_at_first(request: bytes) -> Iterator[bytes]:
        if b'"number": 1}' in request:
            sleep(3 * TIMEOUT)
            yield OK.replace(b"0}", b"9}")
        yield OK

    with raw_server(late_at_first, keep=True) as server, opened(TIMEOUT) as transport:
        first, second = (post(transport, server.origin, number) for number in (1, 2))
    assert isinstance(first, TemporaryFailure)
    assert first.code == "provider_timeout"
    assert isinstance(second, Answer)
    assert (second.body, server.connections) == (b'{"code": 0}', 2)


def test_the_rest_of_a_cut_answer_is_not_read_as_the_next_one() -> None:
    """What was not read is still on its connection."""

    def long_at_first(request: bytes) -> list[bytes]:
        rest = b"x" * 80_000
        return [b"HTTP/1.1 200 OK\r\nContent-Length: 80000\r\n\r\n", rest] if b'"number": 1}' in request else [OK]

    with raw_server(long_at_first, keep=True) as server, opened() as transport:
        first, second = (post(transport, server.origin, number) for number in (1, 2))
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert (first.cut, second.cut, second.body) == (True, False, b'{"code": 0}')


def test_a_server_that_cannot_prove_its_name_hears_nothing(tls: SSLContext) -> None:
    """The certificate is checked before anything is sent."""
    with raw_server(OK, tls=tls) as server, opened() as transport:
        answer = post(transport, server.origin, 1)
    assert isinstance(answer, TemporaryFailure)
    assert answer.code == "network_error"
    assert server.requests == []


def dripping_for_nine(request: bytes) -> Iterator[bytes]:
    if b'"number": 9}' not in request:
        yield OK
        return
    for _ in range(2_000):
        yield b"HTTP/1.1 100 Continue\r\n\r\n"
        sleep(0.02)


def test_over_tls_the_timeout_and_keeping_alive_are_the_same(
    tls: SSLContext, certificate: Path
) -> None:
    """As with Feishu itself."""
    trusting = opened(1, authorities=str(certificate))
    with raw_server(dripping_for_nine, tls=tls, keep=True) as server, trusting as transport:
        answers = [post(transport, server.origin, number) for number in (1, 2)]
        connections = server.connections
        dripped = post(transport, server.origin, 9)
    assert all(isinstance(answer, Answer) for answer in answers)
    assert connections == 1
    assert isinstance(dripped, TemporaryFailure)
    assert dripped.code == "provider_timeout"
