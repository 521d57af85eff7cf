"""Connections to Feishu for `requests`, on which a call's permit counts for everything: name look-up to last byte.

A request is not written when its time is over or its caller has given it up, an answer that drips does not start its
time-out anew with each byte, and a connection that was silent for long is not used again. `requests` would go through
the pools of urllib3, which cost more processor time than everything else that a notification takes.
"""

from __future__ import annotations

import http.client
import io
import select
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable
from functools import cache, partial
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlsplit

import certifi
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from delivery.deadline import Permit
from delivery.sockets import connect

if TYPE_CHECKING:  # no layer carries typing_extensions
    from typing_extensions import Buffer

#: A NAT gateway forgets a connection after 350 seconds of silence, and the other side may do so sooner.
SILENT_SECONDS = 30.0

_NEARLY = 0.02  # seconds
_PORTS = {"http": 80, "https": 443}


class BoundedAdapter(BaseAdapter):
    """Makes each call on a kept-alive connection that nobody else is using, with one TLS context for all of them.

    The authorities are those of certifi, which requests brings: pinned, and the same on Lambda as on any machine.
    """

    def __init__(self, *, concurrency: int, authorities: str | None = None) -> None:
        super().__init__()
        self._context = _context(authorities or certifi.where())
        self._concurrency = concurrency
        self._idle: defaultdict[_Origin, list[_Connection]] = defaultdict(list)

    def send(self, request: requests.PreparedRequest, *, permit: Permit, **_: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401 - requests passes settings that do not apply here
        parts = urlsplit(str(request.url))
        origin = _Origin(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])
        connection = self._idle_at(origin) or _Connection(origin, self._context, permit)
        try:
            connection.write(_encoded(request, parts.netloc.rpartition("@")[2]), permit)
            answer = connection.answer(permit)
        except BaseException:
            connection.close()
            raise
        answer.on_close = partial(self._take_back, origin, connection)
        return _response(request, answer)

    def close(self) -> None:
        while self._idle:
            _, idle = self._idle.popitem()
            for connection in idle:
                connection.close()

    def _idle_at(self, origin: _Origin) -> _Connection | None:
        """The one that was used last; those that died in silence are closed on the way."""
        idle = self._idle[origin]
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # another thread took it
                break
            if connection.is_usable():
                return connection
            connection.close()
        return None

    def _take_back(self, origin: _Origin, connection: _Connection, whole: bool) -> None:  # noqa: FBT001 - the answer calls it
        idle = self._idle[origin]
        if whole and len(idle) < self._concurrency:
            idle.append(connection)
        else:
            connection.close()


@cache
def _context(authorities: str) -> ssl.SSLContext:
    """Made once: reading the authorities anew for each connection takes a small function most of its five seconds."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(authorities)
    made.set_alpn_protocols(["http/1.1"])
    return made


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int


class _Connection:
    """One socket, and since when it is silent."""

    def __init__(self, origin: _Origin, context: ssl.SSLContext, permit: Permit) -> None:
        self._socket = connect(origin.host, origin.port, seconds=_time_of(permit))
        try:
            if origin.scheme == "https":
                self._socket.settimeout(max(permit.left(), 0.001))  # of the handshake
                self._socket = context.wrap_socket(self._socket, server_hostname=origin.host)
        except BaseException:
            self._socket.close()
            raise
        self._silent_since = monotonic()
        self._heard = select.poll()
        self._heard.register(self._socket, select.POLLIN)

    def is_usable(self) -> bool:
        """Whatever can be read before anything was asked is the end of it, or an answer to nobody."""
        return monotonic() - self._silent_since < SILENT_SECONDS and not self._heard.poll(0)

    def write(self, request: bytes, permit: Permit) -> None:
        permit.take()
        _bound(self._socket, _time_of(permit))
        self._silent_since = monotonic()
        self._socket.sendall(request)

    def answer(self, permit: Permit) -> _Answer:
        """Its status and headers; the body is still to be read."""
        stream = _Stream(_UntilDeadline(self._socket, permit))
        answer = _Answer(stream)
        answer.begin()
        return answer

    def close(self) -> None:
        self._socket.close()


class _UntilDeadline(io.RawIOBase):
    """Reads a socket for as long as the call has left, however many reads that takes."""

    def __init__(self, sock: socket.socket, permit: Permit) -> None:
        self._socket = sock
        self._permit = permit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        left = self._permit.left()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        _bound(self._socket, left)
        return self._socket.recv_into(buffer)


class _Stream(io.BufferedReader):
    """http.client takes a head that ends anywhere for a whole one; here that is an answer that broke off."""

    in_head = True

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if self.in_head and not line.endswith(b"\n") and len(line) != size:
            raise ConnectionResetError("the answer ended in its head")
        return line

    def makefile(self, _mode: str) -> _Stream:
        """http.client expects a socket, and calls only this method of it."""
        return self


class _Answer(http.client.HTTPResponse):
    """An answer that says on closing whether it was read to its end, so that its connection can be used again."""

    def __init__(self, stream: _Stream) -> None:
        super().__init__(stream, method="POST")  # type: ignore[arg-type]  # it uses makefile alone
        self._stream = stream
        self._whole = False
        self.on_close: Callable[[bool], None] | None = None

    def begin(self) -> None:
        super().begin()
        self._stream.in_head = False

    def read1(self, n: int = -1) -> bytes:
        """http.client accepts a length that is no number, and a body that is shorter than its length. This does not."""
        lengths = set(self.headers.get_all("Content-Length", []))
        if lengths and not self.chunked and (self.length is None or len(lengths) > 1):
            raise http.client.HTTPException("its length is no number")
        piece = super().read1(n)
        if not piece and self.length:
            raise http.client.IncompleteRead(piece, self.length)
        self._whole = not piece
        return piece

    def close(self) -> None:
        super().close()
        on_close, self.on_close = self.on_close, None
        if on_close:
            on_close(self._whole and not self.will_close)


def _encoded(request: requests.PreparedRequest, host: str) -> bytes:
    """The whole request: a head that is written by itself costs a packet and a wait. Its parts were checked before."""
    lines = [f"{request.method} {request.path_url} HTTP/1.1".encode(), b"Host: " + host.encode()]
    lines += [b"%b: %b" % (_bytes(name), _bytes(value)) for name, value in request.headers.items()]
    return b"\r\n".join([*lines, b"", b""]) + _bytes(cast(bytes, request.body))


def _bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text


def _response(request: requests.PreparedRequest, answer: _Answer) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.reason = answer.reason
    response.headers = CaseInsensitiveDict(answer.headers.items())
    response.url = str(request.url)
    response.request = request
    response.raw = answer
    return response


def _bound(sock: socket.socket, seconds: float) -> None:
    """Leaves a time-out that is nearly so as it is: setting one is a system call, at which other threads take over."""
    if abs((sock.gettimeout() or 0) - seconds) > _NEARLY:
        sock.settimeout(seconds)


def _time_of(permit: Permit) -> float:
    left = permit.left()
    if left <= 0:
        raise TimeoutError("its time was over")
    return left
