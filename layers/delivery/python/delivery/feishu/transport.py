"""HTTP to Feishu: kept-alive connections, one time-out for the whole answer, and no more than 64 KiB of it."""

from __future__ import annotations

import http.client
import io
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError
from urllib3.exceptions import TimeoutError as UrllibTimeout

from delivery.domain.outcome import ErrorCode, PermanentFailure, TemporaryFailure
from delivery.feishu.answer import Answer

if TYPE_CHECKING:  # no layer carries typing_extensions
    from typing_extensions import Buffer

_BODY_LIMIT = 64 * 1024
_CHUNK = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Makes calls. It retries and follows nothing: the record decides whether another call is made."""

    connections: urllib3.PoolManager
    #: For the whole answer, from the beginning of the call to its last byte.
    timeout: timedelta

    @classmethod
    def open(cls, *, concurrency: int, timeout: timedelta) -> Self:
        """For as many calls at once; connections are made when they are needed."""
        connections = urllib3.PoolManager(num_pools=8, maxsize=concurrency, block=False, retries=False)
        connections.pool_classes_by_scheme = _POOLS
        return cls(connections=connections, timeout=timeout)

    def close(self) -> None:
        self.connections.clear()

    def post(
        self, url: str, *, document: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Answer | TemporaryFailure | PermanentFailure:
        """Posts JSON once. A call without a whole answer is a failure, whose exchange is still empty."""
        try:
            response = self.connections.request(
                "POST",
                url,
                body=json.dumps(document, ensure_ascii=False).encode(),
                headers={"Content-Type": "application/json; charset=utf-8", **headers},
                timeout=urllib3.Timeout(total=self.timeout.total_seconds()),
                redirect=False,
                preload_content=False,
            )
            return _read(response)
        except (HTTPError, OSError, ValueError) as error:
            return _no_answer(error)


def _read(response: urllib3.BaseHTTPResponse) -> Answer:
    """Reads up to the limit; a connection with bytes left over is not used again."""
    body = bytearray()
    for chunk in response.stream(_CHUNK):
        body += chunk
        if len(body) > _BODY_LIMIT:
            break
    cut = len(body) > _BODY_LIMIT
    if cut:
        response.close()
    else:
        response.release_conn()
    headers = {name.lower(): value for name, value in response.headers.items()}
    if not body and not headers:
        raise ProtocolError("the answer ended in its head")  # http.client takes it for a whole one without a body
    return Answer(status=response.status, headers=headers, body=bytes(body[:_BODY_LIMIT]), cut=cut)


def _no_answer(error: Exception) -> TemporaryFailure | PermanentFailure:
    """The words of the error are left out: they could carry the URL, which is a credential."""
    # To urllib3 a refused connection is a kind of time-out.
    if isinstance(error, UrllibTimeout | TimeoutError) and not isinstance(error, NewConnectionError):
        return TemporaryFailure(code=ErrorCode.TIMEOUT, reason="no answer in time; the message may have arrived")
    if isinstance(error, ValueError):  # a token that no header can carry
        return PermanentFailure(code=ErrorCode.INVALID_URL, reason="the channel cannot be called")
    return TemporaryFailure(code=ErrorCode.NETWORK, reason=f"no answer: {type(error).__name__}")


class _UntilDeadline(io.RawIOBase):
    """Reads a socket for as long as its time-out was when the answer began.

    A socket's own time-out starts again with each byte: an answer that drips would hold its thread for hours.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._until = monotonic() + (sock.gettimeout() or inf)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        if left < inf:
            self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as http.client has it
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_UntilDeadline(sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}
