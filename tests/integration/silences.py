"""Stands between a client and a server, and falls silent when it is told to: connections stay open, nothing passes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 65_536


@dataclass(slots=True, kw_only=True)
class Silence:
    """`port` is the server's, as long as `passing` is set."""

    server: tuple[str, int]
    listener: socket.socket
    passing: threading.Event = field(default_factory=threading.Event)
    accepted: int = 0
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def fall_silent(self) -> None:
        self.passing.clear()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.accepted += 1
                server = socket.create_connection(self.server)
                self.sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK):
                self.passing.wait()
                sink.sendall(chunk)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def silence(host: str, port: int) -> Iterator[Silence]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        between = Silence(server=(host, port), listener=listener)
        between.passing.set()
        threading.Thread(target=between.accept, daemon=True).start()
        try:
            yield between
        finally:
            between.passing.set()
            listener.close()
            for one in between.sockets:
                one.close()
