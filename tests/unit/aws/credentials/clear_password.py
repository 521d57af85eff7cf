"""A MySQL server that asks for the password in clear, as RDS's plugin does, and then refuses it: passwords out."""

from __future__ import annotations

import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_SSL = 0x0800
# Protocol 4.1, secure connection, plugin authentication with long data.
_CAPABILITIES = 0x0200 | 0x8000 | 0x0008 | 0x80000 | 0x200000
_SWITCH = b"\xfemysql_clear_password\0\0"
_DENIED = b"\xff" + struct.pack("<H", 1045) + b"#28000Access denied"


class ClearPasswordServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.tls = tls
        #: the password of each connection, if it sent one; and all that ever came in unencrypted
        self.passwords: list[str] = []
        self.in_clear = b""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Connection(socketserver.BaseRequestHandler):
    server: ClearPasswordServer

    def handle(self) -> None:
        with suppress(OSError):
            _write(self.request, 0, _greeting(with_tls=self.server.tls is not None))
            if self.server.tls is None:
                self.server.in_clear += self.request.recv(65_536)
                return
            _read(self.request)  # its wish for TLS
            with self.server.tls.wrap_socket(self.request, server_side=True) as sock:
                number, _ = _read(sock)
                _write(sock, number + 1, _SWITCH)
                number, password = _read(sock)
                self.server.passwords.append(password.rstrip(b"\0").decode())
                _write(sock, number + 1, _DENIED)


def _greeting(*, with_tls: bool) -> bytes:
    capabilities = _CAPABILITIES | (_SSL if with_tls else 0)
    low, high = capabilities & 0xFFFF, capabilities >> 16
    scramble = b"12345678", b"123456789012\0"
    fixed = struct.pack("<HBHHB10x", low, 255, 2, high, 21)
    return (
        b"\x0a8.4.10\0" + struct.pack("<I", 1) + scramble[0] + b"\0" + fixed + scramble[1] + b"caching_sha2_password\0"
    )


def _read(sock: Any) -> tuple[int, bytes]:
    """A packet's number and its content."""
    head = sock.recv(4)
    length = int.from_bytes(head[:3], "little")
    content = b""
    while len(content) < length:
        content += sock.recv(length - len(content))
    return head[3], content


def _write(sock: Any, number: int, content: bytes) -> None:
    sock.sendall(len(content).to_bytes(3, "little") + bytes([number]) + content)


@contextmanager
def clear_password_server(tls: ssl.SSLContext | None) -> Iterator[ClearPasswordServer]:
    with ClearPasswordServer(tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
