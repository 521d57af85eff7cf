"""TCP connections within a time that counts for the name look-up and all addresses together."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic

import pytest

from delivery.sockets import connect
from local.machine.ports import free_port
from tests.waiting import until


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def address(port: int, host: str = "127.0.0.1") -> tuple[object, ...]:
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)


def test_a_listening_host_is_connected_to(listening: int) -> None:
    """Without Nagle's delay, and kept alive."""
    with connect("localhost", listening, seconds=5) as made:
        assert made.getpeername()[1] == listening
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_an_address_that_refuses_is_passed_over(listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one gets all the time that is left."""
    found = [address(free_port()), address(listening)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)
    with connect("somewhere", 1, seconds=5) as made:
        assert made.getpeername()[1] == listening


def test_a_family_that_this_machine_lacks_is_passed_over(listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names have IPv6 addresses where the network has none."""
    odd = (4_711, socket.SOCK_STREAM, 0, "", ("::1", 1))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: [odd, address(listening)])
    with connect("somewhere", 1, seconds=5) as made:
        assert made.getpeername()[1] == listening


def test_the_last_refusal_is_told() -> None:
    """When nobody listens at all."""
    with pytest.raises(ConnectionRefusedError):
        connect("127.0.0.1", free_port(), seconds=5)


def test_a_name_that_nobody_knows_is_an_error_at_once() -> None:
    """The reserved domain `invalid` has no names (RFC 2606)."""
    with pytest.raises(OSError, match=r".") as raised:
        connect("nobody.invalid", 1, seconds=20)
    assert not isinstance(raised.value, ConnectionError)


def test_a_name_that_cannot_be_one_is_an_error_at_once() -> None:
    """Not a wait for a look-up that has died."""
    began = monotonic()
    with pytest.raises(UnicodeError):
        connect("x" * 70 + ".example", 1, seconds=20)
    assert monotonic() - began < 10


def test_a_look_up_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver knows no time-out; nothing is connected when it answers at last."""
    answered, dialled = threading.Event(), []

    def hang(*_: object, **__: object) -> list[tuple[object, ...]]:
        answered.wait(20)
        dialled.append("found")
        return [address(1)]

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = monotonic()
    with pytest.raises(TimeoutError):
        connect("somewhere", 1, seconds=0.3)
    took = monotonic() - began
    answered.set()
    until(lambda: dialled)
    assert 0.25 < took < 5


def test_a_silent_address_takes_only_its_share(listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the time, when there are two."""
    tried: list[float] = []

    class Watched(socket.socket):
        def connect(self, where: tuple[str, int], /) -> None:  # type: ignore[override]
            tried.append(self.gettimeout() or 0)
            if len(tried) == 1:
                raise TimeoutError
            super().connect(where)

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: [address(listening), address(listening)])
    monkeypatch.setattr(socket, "socket", Watched)
    with suppress(OSError), connect("somewhere", 1, seconds=4):
        pass
    assert tried[0] == pytest.approx(2, abs=0.5)
    assert tried[1] == pytest.approx(4, abs=0.5)
