"""Every way of reaching Feishu, against servers that answer well, badly, slowly and with malice."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic, sleep

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.domain.outcome import Delivered, Exchange, Outcome, PermanentFailure, TemporaryFailure
from delivery.feishu.answer import Answer
from delivery.feishu.classify import classify
from delivery.feishu.ways import WAYS
from local.machine.ports import free_port
from tests.unit.feishu.calling import EXAMPLES, code_of, deliver, opened, permit
from tests.unit.feishu.raw_server import OK, raw_server
from tests.unit.samples import attempt

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TIMEOUT = 0.4
TEMPORARY, PERMANENT = TemporaryFailure, PermanentFailure

pytestmark = pytest.mark.parametrize("way", WAYS)


def answered(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_an_accepted_message_is_delivered(way: str) -> None:
    """With an id, and with what was said both ways."""
    with raw_server(answered(200, b'{"code": 0, "msg": "success"}')) as server:
        outcome = deliver(way, server.origin)
    assert isinstance(outcome, Delivered)
    assert outcome.provider_message_id
    exchange = outcome.exchange
    assert (len(server.requests), exchange.http_status) == (1, 200)
    assert exchange.response == {"status_code": 200, "body": '{"code": 0, "msg": "success"}'}
    assert exchange.request
    assert exchange.latency_ms is not None


@pytest.mark.parametrize(
    ("status", "body", "expected", "code"),
    [
        (429, b"", TEMPORARY, "provider_rate_limited"),
        (200, b'{"code": 11232}', TEMPORARY, "provider_rate_limited"),
        (502, b"<html>", TEMPORARY, "provider_5xx"),
        (200, b"<html>", TEMPORARY, "network_error"),
        (401, b"", PERMANENT, "provider_auth_failed"),
        (200, b'{"code": 19021}', PERMANENT, "provider_auth_failed"),
        (404, b"", PERMANENT, "payload_invalid"),
        (200, b'{"code": 19024}', PERMANENT, "payload_invalid"),
        (200, b'{"code": 800004509}', PERMANENT, "provider_refused_channel"),
        (200, b'{"code": 424242}', TEMPORARY, "provider_refused"),
        (408, b"", TEMPORARY, "provider_timeout"),
    ],
)
def test_each_class_of_answer_has_its_outcome(
    way: str, status: int, body: bytes, expected: type[Outcome], code: str
) -> None:
    """After one call: whether there is another is for the record to decide."""
    with raw_server(answered(status, body)) as server:
        outcome = deliver(way, server.origin)
    assert (type(outcome), code_of(outcome), outcome.exchange.http_status) == (expected, code, status)
    assert len(server.requests) == 1


@pytest.mark.parametrize("header", ["Retry-After", "x-ogw-ratelimit-reset"])
def test_the_wait_that_feishu_asks_for_is_passed_on(way: str, header: str) -> None:
    """In whichever header it comes."""
    with raw_server(answered(429, b"", f"{header}: 77")) as server:
        outcome = deliver(way, server.origin)
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.retry_after == timedelta(seconds=77)


def test_a_channel_elsewhere_is_not_called(way: str) -> None:
    """Else a user could make the service call inside its own network. Nothing was said, so nothing is kept."""
    with raw_server(OK) as server, opened(way, "https://www.feishu.cn") as one:
        outcome = one.deliver(attempt(), EXAMPLES[way].channel_at(server.origin), permit())
    assert isinstance(outcome, PermanentFailure)
    assert (outcome.code, outcome.exchange) == ("invalid_url", Exchange())
    assert server.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(way: str, status: int) -> None:
    """Credentials belong to the first host only: the other one must not hear a byte."""
    with raw_server(OK) as other, raw_server(answered(status, b"", f"Location: {other.origin}/elsewhere")) as server:
        outcome = deliver(way, server.origin)
    assert (type(outcome), code_of(outcome)) == (PERMANENT, "payload_invalid")
    assert (other.connections, len(server.requests)) == (0, 1)


def drip(start: bytes, dripped: bytes) -> Iterator[bytes]:
    yield start
    for _ in range(2_000):
        yield dripped
        sleep(0.02)


@pytest.mark.parametrize(
    ("start", "dripped"),
    [
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
def test_an_answer_that_drips_ends_with_the_timeout(way: str, start: bytes, dripped: bytes) -> None:
    """A socket's own time-out starts again with each byte, and would hold the thread for hours."""
    with raw_server(lambda _request: drip(start, dripped)) as server:
        began = monotonic()
        outcome = deliver(way, server.origin, timeout=TIMEOUT)
        took = monotonic() - began
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.code in ("provider_timeout", "network_error")
    assert took < 20  # it drips for forty seconds


@pytest.mark.parametrize("start", [b"", HEAD + b"Content-Length: 9\r\n\r\n"])
def test_silence_is_a_timeout(way: str, start: bytes) -> None:
    """Before the first byte or in the middle: the message may have arrived nevertheless."""
    with raw_server(lambda _request: drip(start, b"")) as server:
        outcome = deliver(way, server.origin, timeout=TIMEOUT)
    assert (type(outcome), code_of(outcome)) == (TEMPORARY, "provider_timeout")
    assert outcome.exchange.latency_ms is not None
    assert outcome.exchange.latency_ms >= TIMEOUT * 900


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
def test_an_endless_answer_is_cut_and_is_no_success(way: str, start: bytes, piece: bytes) -> None:
    """It is read up to a limit, compressed or not; what is stored of it is less."""
    with raw_server(lambda _request: flood(start, piece) if piece else [start]) as server:
        outcome = deliver(way, server.origin)
    assert (type(outcome), code_of(outcome)) == (TEMPORARY, "network_error")
    assert len(str(outcome.exchange.response)) < 10_000


@pytest.mark.parametrize(("size", "expected"), [(64 * 1024, None), (64 * 1024 + 1, "network_error")])
def test_64_kib_of_an_answer_are_read(way: str, size: int, expected: str | None) -> None:
    """An answer of that size is whole; a byte more and it is cut, which Feishu's short answers never are."""
    with raw_server(answered(200, b'{"code": 0}'.ljust(size))) as server:
        outcome = deliver(way, server.origin)
    assert code_of(outcome) == expected


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
def test_a_broken_answer_is_a_temporary_failure(way: str, answer: bytes) -> None:
    """It did not come from Feishu."""
    with raw_server(answer) as server:
        outcome = deliver(way, server.origin)
    assert (type(outcome), code_of(outcome)) == (TEMPORARY, "network_error")


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60))
def test_any_body_is_judged_by_what_it_says(way: str, body: bytes) -> None:
    """The connection's end is the body's end; without a body and a header it is no answer at all."""
    with raw_server(HEAD + b"\r\n" + body) as server:
        outcome = deliver(way, server.origin)
    read = classify(Answer(status=200, headers={}, body=body), message_id="m", exchange=Exchange())
    assert code_of(outcome) == (code_of(read) if body else "network_error")
    assert json.dumps(outcome.exchange.response, ensure_ascii=False).encode()


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60).filter(lambda data: not data.startswith(b"HTTP/")))
def test_bytes_that_are_not_http_are_never_a_delivery(way: str, data: bytes) -> None:
    """Whatever they are."""
    with raw_server(data) as server:
        outcome = deliver(way, server.origin, timeout=1)
    assert (type(outcome), code_of(outcome)) == (TEMPORARY, "network_error")


def test_nobody_listening_is_a_network_error(way: str) -> None:
    """With nothing stored but the request."""
    outcome = deliver(way, f"http://127.0.0.1:{free_port()}")
    assert (type(outcome), code_of(outcome)) == (TEMPORARY, "network_error")
    assert (outcome.exchange.http_status, outcome.exchange.response) == (None, {})


def echo(request: bytes) -> list[bytes]:
    """Feishu would not; a proxy's error page may."""
    return [answered(200, json.dumps({"code": 1, "msg": request.decode()}).encode())]


@pytest.mark.parametrize("answer", [echo, OK, b"", b"\xff", HEAD + b"Content-Length: 9\r\n\r\n"])
def test_no_outcome_and_no_log_shows_the_credentials(way: str, answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Not even when the answer repeats the request."""
    caplog.set_level(logging.WARNING)  # as the functions' root logger
    with raw_server(answer) as server:
        outcome = deliver(way, server.origin)
    for credential in EXAMPLES[way].credentials:
        assert credential.encode() in b"".join(server.requests)
        assert credential not in repr(outcome)
        assert credential not in caplog.text
