"""HTTP to Feishu by `requests`: kept-alive connections, one deadline for a whole call, at most 64 KiB of an answer."""

from __future__ import annotations

import json
import re
import socket
import ssl
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

import requests
from requests.exceptions import InvalidHeader, InvalidSchema, InvalidURL

from delivery.deadline import NotWritten, Permit
from delivery.domain.outcome import ErrorCode, NotStarted, PermanentFailure, TemporaryFailure
from delivery.feishu.answer import Answer
from delivery.feishu.connections import BoundedAdapter
from delivery.feishu.reply import BrokenReply

_BODY_LIMIT = 64 * 1024
_HEADERS = {"Content-Type": "application/json; charset=utf-8", "Accept-Encoding": "identity", "User-Agent": "hongyan"}

#: Source: RFC 9110, section 5.5.
_VALUE = re.compile(rb"[!-~\x80-\xff]+(?:[\t ]+[!-~\x80-\xff]+)*")

NoAnswer = TemporaryFailure | PermanentFailure | NotStarted

_BROKEN = (BrokenReply, OSError)
#: A token that no header can carry, or a URL that no client can call. Both show before anything is written.
_UNCALLABLE = (UnicodeEncodeError, InvalidHeader, InvalidURL, InvalidSchema)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None, ever: requests would read the whole answer and its Location only to offer the next request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Makes calls. It retries and follows nothing: the record decides whether another call is made."""

    session: requests.Session
    #: For the whole call, from its beginning to the last byte of the answer.
    timeout: timedelta

    @classmethod
    def open(cls, *, concurrency: int, timeout: timedelta, authorities: str | None = None) -> Self:
        """For as many calls at once; connections are made when they are needed. Authorities: a PEM file."""
        session = _Session()
        session.trust_env = False  # no proxy, no .netrc
        adapter = BoundedAdapter(concurrency=concurrency, authorities=authorities)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return cls(session=session, timeout=timeout)

    def close(self) -> None:
        self.session.close()

    def post(
        self, url: str, *, document: Mapping[str, Any], headers: Mapping[str, str], permit: Permit
    ) -> Answer | NoAnswer:
        """Posts JSON once. A call without a whole answer is a failure, whose exchange is still empty."""
        if not permit.begin(self.timeout.total_seconds()):
            return NotStarted(reason="too little time was left for a call")
        body = json.dumps(document, ensure_ascii=False).encode()
        try:
            return self._sent(_prepared(url, body, headers), permit)
        except _UNCALLABLE:
            return PermanentFailure(code=ErrorCode.INVALID_URL, reason="the channel cannot be called")
        except NotWritten:
            return NotStarted(reason="the call was given up before it was written")
        except _BROKEN as error:
            return _no_answer(error, permit)

    def _sent(self, request: requests.PreparedRequest, permit: Permit) -> Answer:
        with self.session.send(request, permit=permit, stream=True, allow_redirects=False, proxies={}) as response:
            return _read(response, permit)


def _prepared(url: str, body: bytes, headers: Mapping[str, str]) -> requests.PreparedRequest:
    """What `requests` prepares of a request that has no cookies, authentication or hooks, in a fraction of its time.

    The adapter checks the URL.
    """
    request = requests.PreparedRequest()
    request.method, request.url = "POST", url
    named = {**_HEADERS, **headers, "Content-Length": str(len(body))}
    request.headers = {name: _value(text) for name, text in named.items()}  # type: ignore[assignment]  # names differ
    request.body = body
    return request


def _value(text: str) -> bytes:
    encoded = text.encode("latin-1")
    if not _VALUE.fullmatch(encoded):
        raise InvalidHeader("no header can carry such a value")
    return encoded


def _read(response: requests.Response, permit: Permit) -> Answer:
    """Reads up to the limit; a connection with bytes left over is closed and not used again."""
    raw, broken_off = bytearray(), None
    try:
        while len(raw) <= _BODY_LIMIT and (piece := response.raw.read1()):
            raw += piece
        if not (raw or response.headers):
            raise ConnectionError("neither a header nor a body came")
    except _BROKEN as error:
        broken_off = _no_answer(error, permit)
    body = _decoded(bytes(raw), response.headers.get("content-encoding", ""))
    cut = max(len(raw), len(body)) > _BODY_LIMIT
    return Answer(
        status=response.status_code, headers=response.headers, body=body[:_BODY_LIMIT], cut=cut, broken_off=broken_off
    )


def _decoded(raw: bytes, encoding: str) -> bytes:
    """We ask for no encoding. One that is named all the same is undone if the body has it, and else left alone.

    Of a body that broke off before its first letter nothing is left: that must not look like an empty one.
    """
    if encoding.strip().lower() not in {"gzip", "x-gzip", "deflate"}:
        return raw
    try:
        decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)
        body = decoder.decompress(raw, _BODY_LIMIT + 1)
    except zlib.error:
        return raw
    return body if body or decoder.eof else raw


def _no_answer(error: Exception, permit: Permit) -> TemporaryFailure:
    """In plain words of our own: those of the error could carry the URL, which is a credential."""
    if permit.taken and _is_timeout(error):
        return TemporaryFailure(code=ErrorCode.TIMEOUT, reason="no answer in time; the message may have arrived")
    return TemporaryFailure(code=ErrorCode.NETWORK, reason=f"no answer: {_why(error)}")


def _is_timeout(error: Exception) -> bool:
    return any(isinstance(cause, TimeoutError | requests.Timeout) for cause in _causes(error))


def _why(error: Exception) -> str:
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return f"its certificate was not accepted ({cause.verify_message})"
            case ssl.SSLError():
                return f"TLS failed ({cause.reason})"
            case socket.gaierror():
                return "its name was not found"
            case TimeoutError():
                return "no connection in time"
            case OSError(strerror=str(words)) if not isinstance(cause, requests.RequestException):
                return words.lower()
    return "the answer broke off"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and, innermost last, what led to it: requests and urllib3 put causes into arguments, too."""
    yield error
    inner = [*error.args, getattr(error, "reason", None), error.__cause__ or error.__context__]
    for cause in inner:
        if isinstance(cause, BaseException):
            yield from _causes(cause)
            return
