"""Reads HTTP requests from a connection: httptools parses, and the socket stays ours, so that faults can break it."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import httptools

# More than Feishu accepts, so that a long body gets Feishu's own refusal.
LONGEST_REQUEST = 16 * 1024 * 1024
_READ_AT_ONCE = 64 * 1024


class BadRequestError(Exception):
    """The client did not send an HTTP request that this server accepts; the connection has to end."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    query: str
    #: names in lower case; the last of a repeated header counts
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool


class RequestReader:
    """The requests of one connection, in the order in which they arrive."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self._parser = httptools.HttpRequestParser(self)
        self._complete: deque[Request] = deque()
        self.on_message_begin()

    async def next(self) -> Request | None:
        """Reads the next request; None when the client has hung up.

        Raises:
            BadRequestError: the bytes are not HTTP, or there are too many of them.
        """
        while not self._complete:
            received = await self._stream.read(_READ_AT_ONCE)
            if not received:
                return None
            self._feed(received)
        return self._complete.popleft()

    def _feed(self, received: bytes) -> None:
        self._size += len(received)
        try:
            self._parser.feed_data(received)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise BadRequestError(400, f"this is not an HTTP request: {error}") from None
        if self._size > LONGEST_REQUEST:
            raise BadRequestError(413, f"a request should hold at most {LONGEST_REQUEST} bytes")

    # httptools calls the methods below while it parses.

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._size = 0

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        path, _, query = self._target.decode("latin-1").partition("?")
        self._complete.append(
            Request(
                method=self._parser.get_method().decode("ascii"),
                path=path,
                query=query,
                headers=self._headers,
                body=bytes(self._body),
                keep_alive=self._parser.should_keep_alive(),
            )
        )
        self._size = 0
