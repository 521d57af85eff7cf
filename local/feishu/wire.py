"""HTTP/1.1 by hand: requests read from a connection, answers put into bytes that go out in one write."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from local.feishu.answers import Answer

# More than Feishu takes, so that a body over its limit gets Feishu's own refusal.
LONGEST_BODY = 16 * 1024 * 1024
LONGEST_HEAD = 64 * 1024
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class BadRequestError(Exception):
    """The bytes are no HTTP request that this server understands; the connection is of no further use."""

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


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None when the peer has hung up.

    Raises:
        BadRequestError: what came is not HTTP, or more than this server reads.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise BadRequestError(431, f"the headers should hold at most {LONGEST_HEAD} bytes") from None
    return await _read_body(reader, *_parse_head(head))


def encode(answer: Answer, *, keep_alive: bool) -> tuple[bytes, bytes]:
    """The head, with its length, and the body."""
    lines = {
        **answer.headers,
        "Content-Type": answer.content_type,
        "Content-Length": str(len(answer.body)),
        "Connection": "keep-alive" if keep_alive else "close",
    }
    return encode_head(answer.status, lines), answer.body


def encode_head(status: int, lines: Mapping[str, str]) -> bytes:
    headers = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}\r\n{headers}\r\n".encode("latin-1")


def _parse_head(head: bytes) -> tuple[str, Mapping[str, str]]:
    first, *lines = head.decode("latin-1").strip("\r\n").split("\r\n")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise BadRequestError(400, "a header line should be `Name: value`")
        headers[name.lower()] = value.strip()
    return first, headers


async def _read_body(reader: asyncio.StreamReader, first: str, headers: Mapping[str, str]) -> Request | None:
    method, path, query, version = _parse_first_line(first)
    try:
        body = await reader.readexactly(_length(headers))
    except asyncio.IncompleteReadError:
        return None
    wish = headers.get("connection", "").lower()
    keep_alive = wish != "close" and (version == "HTTP/1.1" or wish == "keep-alive")
    return Request(method=method, path=path, query=query, headers=headers, body=body, keep_alive=keep_alive)


def _parse_first_line(line: str) -> tuple[str, str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequestError(400, "the first line should be `METHOD /path HTTP/1.1`")
    path, _, query = parts[1].partition("?")
    return parts[0], path, query, parts[2]


def _length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadRequestError(411, "a body should come with Content-Length, not in chunks")
    given = headers.get("content-length", "0")
    if not (given.isascii() and given.isdigit()):
        raise BadRequestError(400, "Content-Length should be a whole number")
    if len(given) > 12 or int(given) > LONGEST_BODY:
        raise BadRequestError(413, f"the body should hold at most {LONGEST_BODY} bytes")
    return int(given)
