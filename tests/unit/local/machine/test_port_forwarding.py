"""A connection to a forwarded port reaches the loopback's server at the same port."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from local.machine.port_forwarding import forward_ports

#: on Linux all of 127/8 is this machine
ELSEWHERE = "127.0.0.2"


@contextmanager
def _echoing() -> Iterator[int]:
    """The port of a server that answers once it has heard everything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def _echo(server: socket.socket) -> None:
    with suppress(OSError), server.accept()[0] as connection:  # a test may end without a connection
        connection.sendall(_everything(connection))


def _everything(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_both_directions_arrive_whole_and_end_one_by_one() -> None:
    """The server answers after the end of what it heard: an end is passed on without ending the other direction."""
    sent = bytes(range(256)) * 4096
    with _echoing() as port, forward_ports(ELSEWHERE, [port]), socket.create_connection((ELSEWHERE, port)) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert _everything(client) == sent


def test_nothing_listens_after_the_block() -> None:
    """So that the next command can."""
    with _echoing() as port:
        with forward_ports(ELSEWHERE, [port]):
            pass
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((ELSEWHERE, port))


def test_a_port_that_is_served_there_already_is_left_to_its_server() -> None:
    """A server that listens everywhere needs no forwarder; a second command uses the first one's."""
    with _echoing() as port, forward_ports(ELSEWHERE, [port]):
        with forward_ports(ELSEWHERE, [port]):
            pass
        with socket.create_connection((ELSEWHERE, port)) as client:
            assert client.getpeername() == (ELSEWHERE, port)
