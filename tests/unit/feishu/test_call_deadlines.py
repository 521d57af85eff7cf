"""A call's time counts for all of it: what is not written in time is never written, and no thread waits longer."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from delivery.deadline import Permit
from delivery.domain.outcome import Delivered, NotStarted, TemporaryFailure
from delivery.feishu import connections
from delivery.feishu.answer import Answer
from delivery.feishu.transport import NoAnswer, Transport
from tests.unit.feishu.calling import EXAMPLES, opened, permit
from tests.unit.feishu.raw_server import OK, raw_server
from tests.unit.samples import attempt
from tests.waiting import until

WAY = "feishu_webhook"
TIMEOUT = 0.5
Addresses = list[tuple[Any, ...]]


def transport(timeout: float = TIMEOUT, **options: str) -> closing[Transport]:
    return closing(Transport.open(concurrency=40, timeout=timedelta(seconds=timeout), **options))


def post(one: Transport, origin: str, right: Permit | None = None) -> Answer | NoAnswer:
    return one.post(f"{origin}/", document={"a": 1}, headers={}, permit=right or permit())


def address(port: int) -> tuple[Any, ...]:
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))


@contextmanager
def silent_listener() -> Iterator[int]:
    """A port whose connections are never accepted: its queue is full, so a further connect waits."""
    with socket.socket() as listening, socket.socket() as filling, socket.socket() as more:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        for one in (filling, more):
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        time.sleep(0.05)
        yield port


def resolve_to(monkeypatch: pytest.MonkeyPatch, found: Callable[[], Addresses]) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found())


def test_a_host_whose_first_address_is_silent_is_reached_by_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one time for both, and the user gets the message once."""
    with silent_listener() as silent, raw_server(OK) as server:
        resolve_to(monkeypatch, lambda: [address(silent), address(server.server_address[1])])
        with opened(WAY, server.origin, timeout=3) as way:
            outcome = way.deliver(attempt(), EXAMPLES[WAY].channel_at(server.origin), permit())
    assert isinstance(outcome, Delivered)
    assert len(server.requests) == 1


def test_silent_addresses_share_the_time_of_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time-out does not begin again with each address."""
    with ExitStack() as exits:
        silent = [address(exits.enter_context(silent_listener())) for _ in range(8)]
        one = exits.enter_context(transport())
        resolve_to(monkeypatch, lambda: silent)
        began = time.monotonic()
        answer = post(one, "http://127.0.0.1:1")
        took = time.monotonic() - began
    assert isinstance(answer, TemporaryFailure)
    assert answer.code == "network_error"
    assert TIMEOUT * 0.9 <= took < len(silent) * TIMEOUT


def test_nothing_is_written_after_a_handshake_that_was_too_slow(tls: ssl.SSLContext, certificate: Path) -> None:
    """The server answers the handshake when the time is over, and then hears nothing."""
    heard: list[bytes] = []
    ended = threading.Event()

    def serve(listening: socket.socket) -> None:
        sock, _ = listening.accept()
        time.sleep(2 * TIMEOUT)
        try:
            with tls.wrap_socket(sock, server_side=True) as secured:
                heard.append(secured.recv(100))
        except OSError:
            pass
        finally:
            ended.set()

    with socket.create_server(("127.0.0.1", 0)) as listening, transport(authorities=str(certificate)) as one:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        answer = post(one, f"https://127.0.0.1:{listening.getsockname()[1]}")
        assert ended.wait(10)
    assert isinstance(answer, TemporaryFailure)
    assert answer.code == "network_error"
    assert b"".join(heard) == b""


@contextmanager
def slow_look_up(monkeypatch: pytest.MonkeyPatch, port: int) -> Iterator[threading.Event]:
    """Names are found only when the event is set."""
    found, asked = threading.Event(), threading.Event()

    def look_up() -> Addresses:
        asked.set()
        found.wait(20)
        return [address(port)]

    resolve_to(monkeypatch, look_up)
    try:
        yield found
    finally:
        found.set()


def test_a_name_look_up_that_hangs_ends_with_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread is free again, and what the look-up finds later is not called."""
    with (
        raw_server(OK) as server,
        slow_look_up(monkeypatch, server.server_address[1]) as found,
        transport() as one,
        ThreadPoolExecutor(max_workers=1) as threads,
    ):
        began = time.monotonic()
        first, second = (threads.submit(post, one, server.origin) for _ in range(2))
        answers = [first.result(10), second.result(10)]
        took = time.monotonic() - began
        found.set()
        until(lambda: not any(thread.name == "name look-up" for thread in threading.enumerate()))
        time.sleep(0.1)
    assert [answer.code for answer in answers if isinstance(answer, TemporaryFailure)] == ["network_error"] * 2
    assert took < 10  # the look-up hangs for twenty seconds
    assert (server.connections, server.requests) == (0, [])


def test_a_call_given_up_while_it_connects_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time is not over, but its caller has said that it was not made."""
    right = permit()
    with (
        raw_server(OK) as server,
        slow_look_up(monkeypatch, server.server_address[1]) as found,
        transport(timeout=10) as one,
        ThreadPoolExecutor(max_workers=1) as threads,
    ):
        call = threads.submit(post, one, server.origin, right)
        time.sleep(0.2)
        revoked = right.revoke()
        found.set()
        answer = call.result(10)
        time.sleep(0.1)
    assert revoked
    assert isinstance(answer, NotStarted)
    assert server.requests == []


def test_a_call_that_was_written_cannot_be_given_up() -> None:
    """Its message may have arrived, so that it counts as an attempt."""
    right = permit()
    with raw_server(OK) as server, transport() as one:
        answer = post(one, server.origin, right)
    assert isinstance(answer, Answer)
    assert not right.revoke()


@pytest.mark.parametrize("left", [-1, 0, TIMEOUT * 0.9])
def test_a_call_with_less_than_its_time_left_is_not_started(left: float) -> None:
    """Nothing is connected, and no attempt is used."""
    with raw_server(OK) as server, transport() as one:
        answer = post(one, server.origin, permit(left))
    assert isinstance(answer, NotStarted)
    assert server.connections == 0


def test_a_call_whose_time_a_thaw_has_eaten_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that was frozen while it connected finds on waking, by the wall clock, that it is too late."""
    real = time.time
    right = permit()

    def thaw() -> Addresses:
        monkeypatch.setattr(time, "time", lambda: real() + 3_600)
        return [address(server.server_address[1])]

    with raw_server(OK) as server, transport() as one:
        resolve_to(monkeypatch, thaw)
        answer = post(one, server.origin, right)
    assert isinstance(answer, TemporaryFailure | NotStarted)
    assert server.requests == []
    assert not right.taken


def test_a_connection_that_was_silent_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is on the way may have forgotten it."""
    with raw_server(OK, keep=True) as server, transport() as one:
        post(one, server.origin)
        now = time.monotonic
        monkeypatch.setattr(connections, "monotonic", lambda: now() + connections.SILENT_SECONDS - 1)
        post(one, server.origin)
        short = server.connections
        monkeypatch.setattr(connections, "monotonic", lambda: now() + 2 * connections.SILENT_SECONDS)
        answer = post(one, server.origin)
    assert isinstance(answer, Answer)
    assert (short, server.connections, len(server.requests)) == (1, 2, 3)


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_the_other_side_ended_in_silence_costs_no_attempt(*, reset: bool) -> None:
    """Closed or reset: it is seen before anything is written."""
    with raw_server(OK) as server, transport() as one:
        server.reset = reset
        answers = []
        for _ in range(3):
            answers.append(post(one, server.origin))
            time.sleep(0.1)
    assert all(isinstance(answer, Answer) for answer in answers)
    assert (server.connections, len(server.requests)) == (3, 3)


def test_a_burst_of_first_calls_over_tls_shares_one_context(
    tls: ssl.SSLContext, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Authorities are read once, not for each of 32 connections: a small function has no processor for that."""
    read: list[str] = []
    load, defaults = ssl.SSLContext.load_verify_locations, ssl.SSLContext.load_default_certs

    def load_verify_locations(context: ssl.SSLContext, *given: Any, **named: Any) -> None:
        read.append("locations")
        load(context, *given, **named)

    def load_default_certs(context: ssl.SSLContext, *given: Any) -> None:
        read.append("defaults")
        defaults(context, *given)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load_verify_locations)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", load_default_certs)
    together = threading.Barrier(32)
    not_read_yet = shutil.copy(certificate, tmp_path)

    def answered_together(_request: bytes) -> list[bytes]:
        together.wait(30)
        return [OK]

    with (
        raw_server(answered_together, tls=tls, keep=True) as server,
        transport(30, authorities=str(not_read_yet)) as one,
        ThreadPoolExecutor(max_workers=32) as threads,
    ):
        answers = list(threads.map(lambda _: post(one, server.origin), range(32)))
    assert all(isinstance(answer, Answer) for answer in answers)
    assert server.connections == 32
    assert read == ["locations"]
