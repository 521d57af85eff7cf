"""Hostile servers at the other end of a webhook: they cost one attempt, never a thread, a secret, or a second host."""

from __future__ import annotations

import gzip
import json
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.domain.outcome import Delivered, Outcome, PermanentFailure, TemporaryFailure
from local.machine.ports import free_port
from tests.unit.feishu.calling import channel_at, courier
from tests.unit.feishu.raw_server import OK, raw_server
from tests.unit.samples import TOKEN, WEBHOOK_KEY, attempt

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PATIENCE = 0.4


def call(origin: str, *, patience: float = 5.0) -> Outcome:
    with courier(origin, patience=patience) as flow:
        return flow.deliver(attempt(), channel_at(origin))


def code_of(outcome: Outcome) -> str | None:
    return None if isinstance(outcome, Delivered) else outcome.code.value


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(status: int) -> None:
    """The token belongs to the first host only: the other one must not hear a byte."""
    with raw_server(OK) as other:
        location = f"{other.origin}/flow/api/trigger-webhook/elsewhere"
        with raw_server(f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\n\r\n".encode()) as server:
            outcome = call(server.origin)
    assert isinstance(outcome, PermanentFailure)
    assert (other.connections, len(server.requests)) == (0, 1)


def drip(start: bytes, dripped: bytes) -> Iterator[bytes]:
    yield start
    for _ in range(2_000):
        yield dripped
        sleep(0.02)


@pytest.mark.parametrize(
    ("start", "dripped"),
    [
        (b"", b""),
        (b"", b"x"),
        (b"HTTP/1.1 200 O", b"K"),
        (HEAD, b"X-More: 1\r\n"),
        (HEAD + b"X-Long: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"\r\n", b" "),
        (HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
        (CHUNKED, b"1\r\n \r\n"),
        (CHUNKED, b"0"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"", mtime=0)[:10], b"\x00"),
    ],
)
def test_an_answer_that_drips_ends_with_our_patience(start: bytes, dripped: bytes) -> None:
    """A socket's own time-out begins again at every byte, and would hold the thread for hours."""
    with raw_server(lambda _request: drip(start, dripped)) as server:
        began = monotonic()
        outcome = call(server.origin, patience=PATIENCE)
        took = monotonic() - began
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.code in ("provider_timeout", "network_error")
    assert took < 4 * PATIENCE + 1


@pytest.mark.parametrize("start", [b"", HEAD + b"Content-Length: 9\r\n\r\n"])
def test_silence_is_a_timeout(start: bytes) -> None:
    """Before the first byte or in the middle: the message may have arrived all the same."""
    with raw_server(lambda _request: drip(start, b"")) as server:
        outcome = call(server.origin, patience=PATIENCE)
    assert code_of(outcome) == "provider_timeout"
    assert outcome.exchange.latency_ms is not None
    assert outcome.exchange.latency_ms >= PATIENCE * 900


def flood(start: bytes, piece: bytes) -> Iterator[bytes]:
    yield start
    while True:
        yield piece


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (HEAD + b"\r\n", b'{"code": 0}' * 1_000),
        (HEAD + b"Content-Length: 99999999999\r\n\r\n", b" " * 10_000),
        (CHUNKED, b"400\r\n" + b" " * 0x400 + b"\r\n"),
        (HEAD + b"X-Endless: ", b"x" * 10_000),
        (HEAD, b"X-More: 1\r\n" * 1_000),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b" " * 50_000_000, mtime=0), b""),
    ],
)
def test_an_endless_answer_is_cut_and_is_no_success(start: bytes, piece: bytes) -> None:
    """64 KiB are read, compressed or not; what is stored of it is less."""
    with raw_server(lambda _request: flood(start, piece) if piece else [start]) as server:
        outcome = call(server.origin)
    assert code_of(outcome) == "network_error"
    assert len(str(outcome.exchange.response)) < 10_000


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00" * 100,
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        HEAD + b"Content-Length: 50\r\n\r\n{}",
        HEAD + b"Content-Length: 2, 3\r\n\r\n{}",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"5\r\n{}",
        HEAD + b"Content-Encoding: gzip\r\n\r\nno gzip at all",
    ],
)
def test_a_broken_answer_is_a_temporary_failure(answer: bytes) -> None:
    """It was no answer of Feishu's."""
    with raw_server(answer) as server:
        outcome = call(server.origin)
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.code == "network_error"


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([b"", HEAD, HEAD + b"\r\n", CHUNKED]))
def test_any_bytes_on_the_wire_have_an_outcome(data: bytes, start: bytes) -> None:
    """Where a byte more would be an answer, patience ends it."""
    with raw_server(start + data) as server:
        assert call(server.origin, patience=1) is not None


def test_nobody_listening_is_a_network_error() -> None:
    """With nothing stored but the request."""
    outcome = call(f"http://127.0.0.1:{free_port()}")
    assert code_of(outcome) == "network_error"
    assert outcome.exchange.http_status is None


def test_kept_alive_connections_are_reused() -> None:
    """A burst to one host does not pay a handshake for each message."""
    with raw_server(OK, keep=True) as server, courier(server.origin) as flow:
        outcomes = [flow.deliver(attempt(), channel_at(server.origin)) for _ in range(20)]
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert (server.connections, len(server.requests)) == (1, 20)


def test_a_connection_that_timed_out_is_not_used_again() -> None:
    """Its late answer would be taken for the next message's."""

    def late_at_first(request: bytes) -> Iterator[bytes]:
        if b'"notification_id": 1,' in request:
            sleep(3 * PATIENCE)
            yield OK.replace(b"0}", b"9}")
        yield OK

    with raw_server(late_at_first, keep=True) as server, courier(server.origin, patience=PATIENCE) as flow:
        first = flow.deliver(attempt(record_id=1), channel_at(server.origin))
        second = flow.deliver(attempt(record_id=2), channel_at(server.origin))
    assert code_of(first) == "provider_timeout"
    assert isinstance(second, Delivered)
    assert server.connections == 2


def echo(request: bytes) -> list[bytes]:
    """Feishu would not; a proxy's error page may."""
    said = json.dumps({"code": 1, "msg": request.decode()}).encode()
    return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)]


@pytest.mark.parametrize("answer", [echo, OK, b"", b"\xff", HEAD + b"Content-Length: 9\r\n\r\n"])
def test_no_outcome_shows_the_credentials(answer: bytes) -> None:
    """Neither reason nor exchange, not even when the answer repeats the request: both are stored and logged."""
    with raw_server(answer) as server:
        outcome = call(server.origin)
    assert b"".join(server.requests).count(TOKEN.encode()) == 1
    assert TOKEN not in repr(outcome)
    assert WEBHOOK_KEY not in repr(outcome)
