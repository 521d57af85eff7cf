"""Connections to Feishu: which are used again, and whom they trust."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from ssl import SSLContext
from time import sleep

import pytest

from delivery.domain.outcome import ErrorCode, PermanentFailure, TemporaryFailure
from delivery.feishu.answer import Answer
from delivery.feishu.connections import BoundedAdapter
from delivery.feishu.transport import NoAnswer, Transport
from tests.unit.feishu.calling import permit
from tests.unit.feishu.raw_server import OK, raw_server

TIMEOUT = 1.0


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


def test_a_cut_answer_whose_rest_is_still_to_come_ends_its_connection() -> None:
    """Nothing on it shows that there is more, and the next message's answer would begin with it."""

    def slow_rest_at_first(request: bytes) -> Iterator[bytes]:
        if b'"number": 1}' not in request:
            yield OK
            return
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 80000\r\n\r\n" + b"x" * 65_537
        sleep(0.5)
        yield b"x" * (80_000 - 65_537)

    with raw_server(slow_rest_at_first, keep=True) as server, opened() as transport:
        first, second = (post(transport, server.origin, number) for number in (1, 2))
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert (first.cut, second.body, server.connections) == (True, b'{"code": 0}', 2)


@pytest.mark.parametrize("more", [OK.replace(b"0}", b"9}"), b"garbage", b"HTTP/1.1 204 No Content\r\n\r\n"])
def test_a_connection_with_more_than_the_answer_is_not_used_again(more: bytes) -> None:
    """The next message would get what is left over."""
    with raw_server(OK + more, keep=True) as server, opened() as transport:
        answers = [post(transport, server.origin, number) for number in (1, 2)]
    assert [answer.body for answer in answers if isinstance(answer, Answer)] == [b'{"code": 0}'] * 2
    assert server.connections == 2


@pytest.mark.parametrize("secured", [False, True])
def test_a_request_larger_than_what_a_socket_takes_arrives_whole(
    tls: SSLContext, certificate: Path, *, secured: bool
) -> None:
    """Writing waits until there is room again."""
    words = "x" * 8_000_000
    trusting = opened(authorities=str(certificate))
    with raw_server(OK, tls=tls if secured else None) as server, trusting as transport:
        answer = transport.post(f"{server.origin}/", document={"words": words}, headers={}, permit=permit())
    assert isinstance(answer, Answer)
    [request] = server.requests
    assert request.endswith(words.encode() + b'"}')


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


def test_over_tls_the_timeout_and_keeping_alive_are_the_same(tls: SSLContext, certificate: Path) -> None:
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


def test_nothing_of_the_environment_changes_a_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy hears of it, no password file speaks for it, and no missing file of authorities stops it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    with raw_server(OK) as server, raw_server(OK) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, str(tmp_path / "missing.pem"))
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("NO_PROXY", "")
        with opened() as transport:
            answer = post(transport, server.origin, 1)
    assert isinstance(answer, Answer)
    assert proxy.connections == 0
    [request] = server.requests
    assert b"authorization" not in request.lower()


def test_no_authority_of_the_environment_is_trusted(
    tls: SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whom a call trusts is what the layer carries."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(certificate))
    with raw_server(OK, tls=tls) as server, opened() as transport:
        answer = post(transport, server.origin, 1)
    assert isinstance(answer, TemporaryFailure)
    assert "certificate was not accepted" in answer.reason
    assert server.requests == []


def test_outside_the_layer_all_authorities_of_certifi_are_read() -> None:
    """An empty store would refuse Feishu itself."""
    assert len(BoundedAdapter(concurrency=1)._context.get_ca_certs()) > 50


def test_cookies_are_not_kept() -> None:
    """Two messages to one host are two strangers."""
    cookies = OK.replace(
        b"\r\n\r\n", b"\r\nSet-Cookie: session=1; Path=/\r\nSet-Cookie: broken=\xff; expires=never\r\n\r\n"
    )
    with raw_server(cookies, keep=True) as server, opened() as transport:
        answers = [post(transport, server.origin, number) for number in (1, 2)]
    assert all(isinstance(answer, Answer) for answer in answers)
    assert [b"cookie" in request.lower() for request in server.requests] == [False, False]


@pytest.mark.parametrize("status", [b"408 Timeout", b"429 Too Many", b"503 Unavailable"])
def test_a_call_is_made_once(status: bytes) -> None:
    """Whatever the answer and its Retry-After: the record decides whether there is another."""
    answer = OK.replace(b"200 OK", status + b"\r\nRetry-After: 0\r\nConnection: close")
    with raw_server(answer) as server, opened() as transport:
        post(transport, server.origin, 1)
        post(transport, server.origin, 2)
    assert len(server.requests) == 2


def test_a_connection_that_is_cut_before_the_answer_is_not_tried_again() -> None:
    """The message may have arrived."""
    with raw_server(b"") as server, opened() as transport:
        answer = post(transport, server.origin, 1)
    assert isinstance(answer, TemporaryFailure)
    assert (answer.code, len(server.requests)) == ("network_error", 1)


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://[", {}),
        ("nothing", {}),
        ("http://127.0.0.1:65536/", {}),
        ("http://127.0.0.1:1/a b", {}),
        ("http://127.0.0.1:1/\r\nHost: elsewhere", {}),
        ("http://somebody@127.0.0.1:1/", {}),
        ("http://127.0.0.1:1/", {"Authorization": "令牌"}),
        ("http://127.0.0.1:1/", {"Authorization": "a\nb"}),
    ],
)
def test_only_a_request_that_cannot_be_built_is_the_channels_fault(url: str, headers: dict[str, str]) -> None:
    """For good, and without its URL or token in the reason."""
    with opened() as transport:
        answer = transport.post(url, document={}, headers=headers, permit=permit())
    assert answer == PermanentFailure(code=ErrorCode.INVALID_URL, reason="the channel cannot be called")


def test_requests_does_not_complain_of_the_package_that_the_layer_leaves_out() -> None:
    """Each cold start would write its warning into the log."""
    missing = "import sys; sys.modules.update(chardet=None, charset_normalizer=None)"
    command = [sys.executable, "-c", f"{missing}; import delivery.feishu.transport"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
