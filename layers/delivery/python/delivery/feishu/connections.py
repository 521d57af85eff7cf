"""Connections to Feishu for `requests`, on which a call's permit counts for everything: name look-up to last byte.

A request is not written when its time is over or its caller has given it up, an answer that drips does not start its
time-out anew with each byte, and a connection that was silent for long is not used again. `requests` would go through
the pools of urllib3, which cost more processor time than everything else that a notification takes.
"""

from __future__ import annotations

import re
import select
import ssl
from collections import defaultdict
from functools import cache, partial
from time import monotonic
from typing import Any, NamedTuple, cast

import certifi
import requests
from requests.adapters import BaseAdapter
from requests.exceptions import InvalidURL

from delivery.deadline import Permit
from delivery.feishu.reply import Reply
from delivery.sockets import authorities_of, connect

#: A NAT gateway forgets a connection after 350 seconds of silence, and the other side may do so sooner.
SILENT_SECONDS = 30.0

#: More than a TLS record can hold, so that nothing stays behind in the TLS layer, where poll does not see it.
_MOST = 64 * 1024
_WANTS_WRITING = (BlockingIOError, ssl.SSLWantWriteError)
_PORTS = {"http": 80, "https": 443}
_LAST_PORT = 65_535
_URL = re.compile(r"(?P<scheme>https?)://(?P<host>(?P<name>[A-Za-z0-9.-]+)(:(?P<port>[0-9]{1,5}))?)(?P<path>/[!-~]*)?")


class BoundedAdapter(BaseAdapter):
    """Makes each call on a kept-alive connection that nobody else is using, with one TLS context for all of them.

    The authorities are those of certifi, which requests brings: pinned, and the same on Lambda as on any machine. A
    function has them in a directory of its layer, of which a handshake reads the one that it needs; elsewhere they are
    all read from certifi's file.
    """

    def __init__(self, *, concurrency: int, authorities: str | None = None) -> None:
        super().__init__()
        self._context = _context(authorities or certifi.where())
        self._concurrency = concurrency
        self._idle: defaultdict[_Origin, list[_Connection]] = defaultdict(list)

    def send(self, request: requests.PreparedRequest, *, permit: Permit, **_: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401 - requests passes settings that do not apply here
        place = _place_of(str(request.url))
        origin = _Origin(place["scheme"], place["name"], int(place["port"] or _PORTS[place["scheme"]]))
        connection = self._idle_at(origin) or _Connection(origin, self._context, permit)
        try:
            connection.write(_encoded(request, place), permit)
            reply = Reply(partial(connection.read, permit))
        except BaseException:
            connection.close()
            raise
        reply.on_close = partial(self._take_back, origin, connection)
        return _response(request, reply)

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


def _place_of(url: str) -> re.Match[str]:
    place = _URL.fullmatch(url)
    if place is None or int(place["port"] or 0) > _LAST_PORT:
        raise InvalidURL("no call can be made to such a URL")
    return place


@cache
def _context(bundle: str) -> ssl.SSLContext:
    """Made once: reading a bundle anew for each connection takes a small function most of its five seconds."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(**authorities_of(bundle))
    made.set_alpn_protocols(["http/1.1"])
    return made


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int


class _Connection:
    """One socket, and since when it is silent. Every wait is a poll for what the call has left."""

    def __init__(self, origin: _Origin, context: ssl.SSLContext, permit: Permit) -> None:
        self._socket = connect(origin.host, origin.port, seconds=_time_of(permit))
        try:
            if origin.scheme == "https":
                self._socket.settimeout(max(permit.left(), 0.001))  # of the handshake
                self._socket = context.wrap_socket(self._socket, server_hostname=origin.host)
            self._socket.setblocking(False)
        except BaseException:
            self._socket.close()
            raise
        self._silent_since = monotonic()

    def is_usable(self) -> bool:
        """Whatever can be read before anything was asked is the end of it, or an answer to nobody."""
        return monotonic() - self._silent_since < SILENT_SECONDS and not self._is_ready(select.POLLIN, 0)

    def write(self, request: bytes, permit: Permit) -> None:
        permit.take()
        self._silent_since = monotonic()
        left = memoryview(request)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except _WANTS_WRITING:
                self._wait_for(select.POLLOUT, permit)
            except ssl.SSLWantReadError:
                self._wait_for(select.POLLIN, permit)

    def read(self, permit: Permit) -> bytes:
        """What comes next; nothing at the end. It waits first, because right after writing there is nothing to read."""
        wanted = select.POLLIN
        while True:
            self._wait_for(wanted, permit)
            try:
                return self._socket.recv(_MOST)
            except (BlockingIOError, ssl.SSLWantReadError):
                wanted = select.POLLIN
            except ssl.SSLWantWriteError:
                wanted = select.POLLOUT

    def close(self) -> None:
        self._socket.close()

    def _wait_for(self, event: int, permit: Permit) -> None:
        if not self._is_ready(event, _time_of(permit)):
            raise TimeoutError("its time was over")

    def _is_ready(self, event: int, seconds: float) -> bool:
        """Not by `select`, which takes no file number above 1,023."""
        poll = select.poll()
        poll.register(self._socket, event)
        return bool(poll.poll(seconds * 1_000))


def _encoded(request: requests.PreparedRequest, place: re.Match[str]) -> bytes:
    """The whole request: a head that is written by itself costs a packet and a wait. Its parts were checked before."""
    lines = [f"{request.method} {place['path'] or '/'} HTTP/1.1\r\nHost: {place['host']}".encode()]
    lines += [b"%b: %b" % (_bytes(name), _bytes(value)) for name, value in request.headers.items()]
    return b"\r\n".join([*lines, b"", b""]) + _bytes(cast(bytes, request.body))


def _bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text


def _response(request: requests.PreparedRequest, reply: Reply) -> requests.Response:
    response = requests.Response()
    response.status_code = reply.status
    response.headers = reply.headers  # type: ignore[assignment]  # their names are in lower case
    response.url = str(request.url)
    response.request = request
    response.raw = reply
    return response


def _time_of(permit: Permit) -> float:
    left = permit.left()
    if left <= 0:
        raise TimeoutError("its time was over")
    return left
