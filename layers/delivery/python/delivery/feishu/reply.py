"""Reads one HTTP reply as it comes from a connection: httptools parses, and what breaks the reply off is an error."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import httptools

_HEAD_LIMIT = 64 * 1024


class BrokenReply(Exception):  # noqa: N818 - it says what is the matter
    """What came is no whole HTTP reply."""


class Reply:
    """A reply whose head has come and whose body is still to be read.

    It is what `requests` calls a raw response: `read1` gives the body in pieces, `close` ends the reading.
    """

    def __init__(self, read: Callable[[], bytes]) -> None:
        """Reads the head. `read` returns the next bytes of the connection, and none at its end.

        Raises:
            BrokenReply: the head is not HTTP, or the connection ended in it.
            OSError: `read` failed.
        """
        self._read = read
        self._parser = httptools.HttpResponseParser(self)
        # The message may have been shown whatever else the reply is like, so no form of it is refused that can be read.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_version=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._pieces: list[bytes] = []
        self._in_head = True
        self._whole = False
        self._reusable = False
        self._broken: Exception | None = None
        self.status = 0
        #: by their names in lower case
        self.headers: dict[str, str] = {}
        #: Called once on closing, with whether the connection can carry another call.
        self.on_close: Callable[[bool], None] | None = None
        self._read_head()

    def read1(self) -> bytes:
        """The next piece of the body, however long it is; none after the last.

        Raises:
            BrokenReply: the body does not go on as its head promised.
            OSError: the connection broke off, or was too slow.
        """
        while not (self._pieces or self._whole):
            self._feed()
        return self._pieces.pop(0) if self._pieces else b""

    def close(self) -> None:
        on_close, self.on_close = self.on_close, None
        if on_close:
            on_close(self._reusable)

    def _read_head(self) -> None:
        size = 0
        while self._in_head:
            if size > _HEAD_LIMIT:
                raise BrokenReply("its head does not end")
            size += self._feed()

    def _feed(self) -> int:
        """Parses what comes next, and returns how long that was. What came before an error is not lost by it."""
        if self._broken:
            raise BrokenReply(str(self._broken)) from self._broken
        came = self._read()
        if not came:
            self._end()
            return 0
        try:
            self._parser.feed_data(came)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._broken, self._reusable = error, False
        return len(came)

    def _end(self) -> None:
        """Without a length, the end of the connection is the end of the body."""
        if self._in_head or {"content-length", "transfer-encoding"} & self.headers.keys():
            raise BrokenReply("the connection ended")
        self._whole = True

    # httptools calls the methods below while it parses.

    def on_message_begin(self) -> None:
        if self._whole:
            raise ValueError("there is more than one reply")

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self._is_interim():
            self.headers.clear()
        else:
            self._in_head = False

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        if not self._is_interim():
            self._whole = True
            self._reusable = self._parser.should_keep_alive()

    def _is_interim(self) -> bool:
        """100 Continue and its like come before the reply."""
        return HTTPStatus.CONTINUE <= self.status < HTTPStatus.OK and self.status != HTTPStatus.SWITCHING_PROTOCOLS
