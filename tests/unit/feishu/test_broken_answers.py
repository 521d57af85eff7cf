"""Answers that break off or are badly encoded: what came of them is kept, and what is missing makes no success."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from time import sleep

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.domain.outcome import Delivered, Outcome, TemporaryFailure
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from tests.unit.feishu.calling import code_of, deliver
from tests.unit.feishu.raw_server import raw_server

HEAD = b"HTTP/1.1 200 OK\r\n"
WHOLE = HEAD + b'Content-Type: application/json\r\nContent-Length: 11\r\nDate: today\r\n\r\n{"code": 0}'
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def answered(answer: bytes) -> Outcome:
    with raw_server(answer) as server:
        return deliver(FLOW_WEBHOOK, server.origin, timeout=2)


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_an_answer_that_ends_anywhere_before_its_end_is_no_delivery(length: int) -> None:
    """In its head, too."""
    outcome = answered(WHOLE[:length])
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.code == "network_error"


def test_the_whole_of_it_is_a_delivery() -> None:
    """Or the test above would prove nothing."""
    assert isinstance(answered(WHOLE), Delivered)


@pytest.mark.parametrize(
    "body",
    [
        b'B\r\n{"code": 0}\r\n0\r\n\r\n',
        b'B\r\n{"code": 0}\r\n0\r\nX-Trailer: 1\r\n\r\n',
        b'5;ext=1\r\n{"cod\r\n6\r\ne": 0}\r\n0\r\n\r\n',
    ],
)
def test_a_chunked_answer_is_read_whole(body: bytes) -> None:
    """Extensions and trailers are passed over."""
    outcome = answered(CHUNKED + body)
    assert isinstance(outcome, Delivered)
    assert outcome.exchange.response["body"] == '{"code": 0}'


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(WHOLE.replace(b"\r\n", b"\n"), id="lines that end in a line feed"),
        pytest.param(WHOLE.replace(b"HTTP/1.1", b"HTTP/1.7"), id="an unknown version"),
        pytest.param(WHOLE.replace(b" OK", b""), id="no words beside the status"),
        pytest.param(WHOLE.replace(b"today", b"\xff\x01\x7f"), id="a header that is no text"),
        pytest.param(CHUNKED + b'B \r\n{"code": 0}\r\n0\r\n\r\n', id="a space after the size of a chunk"),
        pytest.param(HEAD + b'\r\n{"code": 0}', id="no length"),
    ],
)
def test_an_answer_in_an_odd_form_is_a_delivery_all_the_same(answer: bytes) -> None:
    """The message was shown: calling again would show it again."""
    assert isinstance(answered(answer), Delivered)


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints\r\nContent-Length: 3"])
def test_what_comes_before_the_answer_is_passed_over(interim: bytes) -> None:
    outcome = answered(b"HTTP/1.1 " + interim + b"\r\n\r\n" + WHOLE)
    assert isinstance(outcome, Delivered)
    assert outcome.exchange.http_status == 200


def test_another_protocol_is_no_answer() -> None:
    """We asked for none, and what follows is not HTTP."""
    outcome = answered(b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n" + WHOLE)
    assert (code_of(outcome), outcome.exchange.http_status) == ("network_error", 101)


def test_a_head_without_end_is_not_read_for_ever() -> None:
    """It would fill the function's memory."""
    sent = 0

    def endless(_request: bytes) -> Iterator[bytes]:
        nonlocal sent
        yield HEAD
        while True:
            sent += 100_000
            yield b"X-More: " + b"x" * 99_990 + b"\r\n"

    with raw_server(endless) as server:
        outcome = deliver(FLOW_WEBHOOK, server.origin)
    assert code_of(outcome) == "network_error"
    assert sent < 20_000_000


@pytest.mark.parametrize("size", [b"-1", b"-B", b"0x", b"", b"zz", b"1" * 70_000, b"99999999999999999999"])
def test_a_chunk_size_that_is_none_is_a_broken_answer(size: bytes) -> None:
    """Not a fault of the channel's URL, for which the record would be dead."""
    outcome = answered(CHUNKED + size + b'\r\n{"code": 0}\r\n0\r\n\r\n')
    assert isinstance(outcome, TemporaryFailure)
    assert (outcome.code, outcome.exchange.http_status) == ("network_error", 200)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"code": 0}', 200, '{"code": 0}'),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 50\r\n\r\n<html>", 502, "<html>"),
        (CHUNKED + b'5\r\n{"cod\r\n6\r\ne"', 200, '{"code"'),
        (CHUNKED + b'5\r\n{"cod\r\nzz\r\n', 200, '{"cod'),
        (HEAD + b"Content-Encoding: br\r\nContent-Length: 4\r\n\r\n\x8b\x05\x80x", 200, "\ufffd\x05\ufffdx"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\nno gzip at all", 200, "no gzip at all"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"<html>" * 9, mtime=0)[:-20], 200, ""),
    ],
)
def test_status_and_first_bytes_of_a_broken_answer_are_kept(answer: bytes, status: int, body: str) -> None:
    """They tell an operator who answered."""
    outcome = answered(answer)
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.code == "network_error"
    assert (outcome.exchange.http_status, outcome.exchange.response["status_code"]) == (status, status)
    assert outcome.exchange.response["body"].startswith(body)


def test_what_came_before_a_timeout_is_kept() -> None:
    """And it is a time-out all the same: the message may have arrived."""

    def half(_request: bytes) -> Iterator[bytes]:
        yield b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"code":'
        sleep(2)

    with raw_server(half) as server:
        outcome = deliver(FLOW_WEBHOOK, server.origin, timeout=0.5)
    assert isinstance(outcome, TemporaryFailure)
    assert (outcome.code, outcome.exchange.http_status) == ("provider_timeout", 200)
    assert outcome.exchange.response["body"] == '{"code":'


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "GZIP", "br", "zstd", "identity", "gzip, br"])
def test_a_body_that_lacks_the_encoding_it_claims_is_read_as_it_is(encoding: str) -> None:
    """The message was shown: calling again would show it again."""
    outcome = answered(HEAD + f"Content-Encoding: {encoding}\r\n\r\n".encode() + b'{"code": 0}')
    assert isinstance(outcome, Delivered)


@pytest.mark.parametrize(("encoding", "encoded"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_an_encoding_that_we_did_not_ask_for_is_undone(encoding: str, encoded: object) -> None:
    """Some proxies compress whatever was asked for."""
    body = encoded(b'{"code": 19021}')  # type: ignore[operator]
    outcome = answered(HEAD + f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    assert code_of(outcome) == "provider_auth_failed"
    assert outcome.exchange.response["body"] == '{"code": 19021}'


@pytest.mark.parametrize(
    "location",
    [b"http://[", b"\xff\xfe://", b"//", b"http://127.0.0.1:99999/", b"ftp://elsewhere/", b"mailto:x", b"/again"],
)
def test_any_location_of_a_redirect_has_an_outcome(location: bytes) -> None:
    """It is not even read."""
    outcome = answered(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n")
    assert code_of(outcome) == "payload_invalid"


def test_an_endless_redirect_is_cut_like_any_answer() -> None:
    """requests would read all of it before it gives the answer back."""
    sent = 0

    def endless(_request: bytes) -> Iterator[bytes]:
        nonlocal sent
        yield b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n"
        while True:
            sent += 100_000
            yield b"x" * 100_000

    with raw_server(endless) as server:
        outcome = deliver(FLOW_WEBHOOK, server.origin)
    assert code_of(outcome) == "payload_invalid"
    assert sent < 20_000_000


HEADER = st.sampled_from(
    [
        b"Content-Length: ",
        b"Transfer-Encoding: ",
        b"Content-Encoding: ",
        b"Location: ",
        b"Set-Cookie: ",
        b"Connection: ",
    ]
)
VALUE = st.sampled_from([b"chunked", b"gzip", b"-1", b"1e3", b"close", b"a=b; expires=never", b"11, 11"]) | st.binary(
    max_size=20
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([200, 302, 429, 500]), st.lists(st.tuples(HEADER, VALUE), max_size=4), st.binary(max_size=30))
def test_any_headers_have_an_outcome(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """No exception of any library: it would leave the record without its report."""
    lines = b"".join(name + value + b"\r\n" for name, value in headers)
    outcome = answered(b"HTTP/1.1 %d Said\r\n" % status + lines + b"\r\n" + body)
    assert not isinstance(outcome, Delivered) or status == 200
    assert code_of(outcome) not in ("invalid_url", "not_started")
