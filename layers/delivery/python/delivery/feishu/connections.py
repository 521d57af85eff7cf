"""urllib3 connections on which a call's permit counts for everything: name look-up, connecting, TLS and the answer.

A request is not written when its time is over or its caller has given it up, an answer that drips does not start its
time-out anew with each byte, and a connection that was silent for long is not used again.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from contextvars import ContextVar
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

import certifi
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from delivery.deadline import Permit
from delivery.sockets import connect

if TYPE_CHECKING:  # no layer carries typing_extensions
    from typing_extensions import Buffer

#: A NAT gateway forgets a connection after 350 seconds of silence, and the other side may do so sooner.
SILENT_SECONDS = 30.0

#: The permit of the call that this thread makes: urllib3 hands no value of ours down to its connections.
current_permit: ContextVar[Permit] = ContextVar("current_permit")

_HOSTS = 8


class _UntilDeadline(io.RawIOBase):
    """Reads a socket for as long as the call has left, however many reads that takes."""

    def __init__(self, sock: socket.socket, permit: Permit) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._permit = permit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        left = self._permit.left()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Stream(io.BufferedReader):
    """http.client takes a head that ends anywhere for a whole one; here that is an answer that broke off."""

    in_head = True

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if self.in_head and not line.endswith(b"\n") and len(line) != size:
            raise ConnectionResetError("the answer ended in its head")
        return line


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as http.client has it
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = self._stream = _Stream(_UntilDeadline(sock, current_permit.get()))

    def begin(self) -> None:
        super().begin()
        self._stream.in_head = False
        del self.headers["Set-Cookie"]  # none is kept, so none is parsed


class _Bounded(HTTPConnection):
    response_class = _Response
    silent_since = 0.0

    def _new_conn(self) -> socket.socket:
        permit = current_permit.get()
        made = connect(self._dns_host, self.port or 0, seconds=_time_of(permit))
        made.settimeout(max(permit.left(), 0.001))  # of a TLS handshake
        return made

    @property
    def is_connected(self) -> bool:
        """What was silent for long is taken for dropped, and urllib3 connects anew."""
        return super().is_connected and monotonic() - self.silent_since < SILENT_SECONDS

    def send(self, data: Any) -> None:  # noqa: ANN401 - as http.client has it
        permit = current_permit.get()
        if self.sock is None:
            self.connect()
        permit.take()
        self.sock.settimeout(_time_of(permit))
        self.silent_since = monotonic()
        super().send(data)


class _SecureBounded(_Bounded, HTTPSConnection):
    pass


def _time_of(permit: Permit) -> float:
    left = permit.left()
    if left <= 0:
        raise TimeoutError("its time was over")
    return left


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureBounded


class _SharedContext(ssl.SSLContext):
    def set_alpn_protocols(self, alpn_protocols: Any) -> None:  # noqa: ANN401 - as ssl has it
        """Left alone: urllib3 sets them for each connection, and OpenSSL frees what another thread may be copying."""


@cache
def _context(authorities: str) -> ssl.SSLContext:
    """Made once: reading the authorities anew for each connection takes a small function most of its five seconds."""
    made = _SharedContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(authorities)
    return made


class BoundedAdapter(HTTPAdapter):
    """Connections to Feishu for `requests`, and one TLS context for all of them.

    The authorities are those of certifi, which requests brings: pinned, and the same on Lambda as on any machine.
    """

    def __init__(self, *, concurrency: int, authorities: str | None = None) -> None:
        self._context = _context(authorities or certifi.where())
        super().__init__(pool_connections=_HOSTS, pool_maxsize=concurrency)

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:  # noqa: ANN401 - as requests has it
        super().init_poolmanager(*sizes, ssl_context=self._context, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def build_connection_pool_key_attributes(self, *given: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401
        """Of TLS only what the context says: requests would load its own authorities into it for each connection."""
        host, _ = super().build_connection_pool_key_attributes(*given)
        return host, {}

    def cert_verify(self, *_: object) -> None:
        """As above."""
