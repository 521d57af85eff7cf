"""Forwards TCP ports of another address to the same ports of the loopback, so that containers reach the servers."""

import errno
import socket
import socketserver
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Thread
from typing import Any

from local.machine.processes import CannotStartError

_LOOPBACK = "127.0.0.1"
_CHUNK = 65536


@contextmanager
def forward_ports(address: str, ports: Iterable[int]) -> Iterator[None]:
    """Forwards for the length of the block. A port that a server already listens on at `address` is left alone."""
    with ExitStack() as exits:
        for port in ports:
            if server := _listening(address, port):
                exits.callback(_end, server)
                Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        yield


class _Forwarder(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


class _Connection(socketserver.BaseRequestHandler):
    server: _Forwarder

    def handle(self) -> None:
        with suppress(OSError), socket.create_connection((_LOOPBACK, self.server.server_address[1])) as inner:
            back = Thread(target=_pump, args=(inner, self.request), daemon=True)
            back.start()
            _pump(self.request, inner)
            back.join()


def _pump(source: Any, sink: Any) -> None:  # noqa: ANN401 - sockets; the standard library's handler leaves it open
    """Copies one direction until its end, and passes the end on; the other direction may continue."""
    with suppress(OSError):
        while chunk := source.recv(_CHUNK):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _listening(address: str, port: int) -> _Forwarder | None:
    try:
        return _Forwarder((address, port), _Connection)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return None
        raise CannotStartError(f"cannot listen at {address}:{port} for the containers: {error.strerror}") from None


def _end(server: _Forwarder) -> None:
    server.shutdown()
    server.server_close()
