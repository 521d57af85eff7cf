"""A server that answers with whatever bytes it is told to, over TCP or TLS, and keeps what it was sent."""

from __future__ import annotations

import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"code": 0}'


class RawServer(socketserver.ThreadingTCPServer):
    """Answers one request on each connection, or all of them if it keeps connections alive."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Callable[[bytes], Iterable[bytes]], *, tls: ssl.SSLContext | None, keep: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.answer, self.tls, self.keep = answer, tls, keep
        #: each request as it came, and how many connections there were
        self.requests: list[bytes] = []
        self.connections = 0
        #: connections end with a reset, a moment after the answer
        self.reset = False

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.server_address[1]}"


class _Connection(socketserver.BaseRequestHandler):
    server: RawServer

    def handle(self) -> None:
        self.server.connections += 1
        with suppress(OSError):
            sock = self.request
            if self.server.tls:
                sock = self.server.tls.wrap_socket(sock, server_side=True)
            with sock, sock.makefile("rb") as stream:
                while (request := _read(stream)) is not None:
                    self.server.requests.append(request)
                    for piece in self.server.answer(request):
                        sock.sendall(piece)
                    if not self.server.keep:
                        self.end(sock)
                        return

    def end(self, sock: socket.socket) -> None:
        if self.server.reset:
            time.sleep(0.05)  # a reset throws away what the caller has not read yet
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read(stream: BinaryIO) -> bytes | None:
    """One request with its body; None when the caller has hung up."""
    head, length = b"", 0
    for line in stream:
        head += line
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
        if line == b"\r\n":
            return head + stream.read(length)
    return None


@contextmanager
def raw_server(
    answer: bytes | Callable[[bytes], Iterable[bytes]], *, tls: ssl.SSLContext | None = None, keep: bool = False
) -> Iterator[RawServer]:
    """Answers each request with these bytes, or with the pieces that are made for it."""
    pieces = (lambda _request: [answer]) if isinstance(answer, bytes) else answer
    with RawServer(pieces, tls=tls, keep=keep) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
