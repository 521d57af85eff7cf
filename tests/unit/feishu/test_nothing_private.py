"""Words, keys and tokens are planted, every error of a call is provoked, and nothing of them may be found anywhere.

Not in any logger from DEBUG up, not on stdout or stderr, not in a warning, and not in what is stored.
"""

from __future__ import annotations

import io
import json
import logging
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from ssl import SSLContext
from urllib.parse import quote

import pytest

from delivery.aws import telemetry
from delivery.aws.send_telemetry import SendTelemetry
from delivery.domain.outcome import Outcome
from delivery.domain.transition import Closing, after_attempt
from delivery.feishu.flow_webhook import FLOW_WEBHOOK, WEBHOOK_PATH
from local.machine.ports import free_port
from tests.unit.feishu.calling import flow_channel, opened, permit
from tests.unit.feishu.raw_server import OK, raw_server
from tests.unit.samples import NOW, RETRY, attempt

KEY = "Zq8Xv2Lw9Rt4Yk7Pb3Nc6Hd"
TOKEN = "t0ken/that+nobody=may&see"
SUMMARY = "周三和王医生的预约可以改到周四。"
FALLBACK = "您的预约有一份新的建议。"
#: Any six letters of them in a row would be too much.
SECRETS = (TOKEN, KEY, SUMMARY, FALLBACK)
Answerer = Callable[[bytes], list[bytes]]


def head(status: str, *lines: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\n".encode() + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def one_line(request: bytes) -> bytes:
    return request.replace(b"\r\n", b" ")


def said(status: str, *lines: bytes) -> Answerer:
    """The request is repeated in the body, in Feishu's words and in some other ways."""

    def answer(request: bytes) -> list[bytes]:
        text = request.decode()
        words = {"code": 7, "msg": text, "url": quote(text), "slashes": json.dumps(text).replace("/", "\\/")}
        return [head(status, *lines) + json.dumps(words).encode()]

    return answer


def in_headers(*names: bytes) -> Answerer:
    """The request is repeated in headers that are none, or that libraries read."""
    return lambda request: [head("200 OK", *(name + one_line(request) for name in names)) + b'{"code": 7}']


ANSWERS: dict[str, Answerer] = {
    "accepted": lambda _request: [OK],
    "repeated in a refusal": said("200 OK"),
    "repeated in an error page": said("502 Bad Gateway"),
    "repeated with a length that is wrong": said("200 OK", b"Content-Length: 9999"),
    "repeated with two lengths": said("200 OK", b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "repeated where a chunk's size should be": lambda request: [
        head("200 OK", b"Transfer-Encoding: chunked") + one_line(request) + b"\r\n"
    ],
    "a malformed header": in_headers(b": ", b"no colon "),
    "cookies": in_headers(b"Set-Cookie: a=b; expires=", b"Set-Cookie: ", b"Set-Cookie2: "),
    "an encoding": in_headers(b"Content-Encoding: "),
    "a redirect": lambda request: [head("302 Found", b"Location: http://[" + one_line(request))],
    "a status line": lambda request: [b"HTTP/1.1 " + one_line(request) + b"\r\n\r\n"],
    "no HTTP": lambda request: [request],
    "a wait": lambda request: [head("429 Too Many", b"Retry-After: " + one_line(request))],
    "nothing": lambda _request: [b""],
}


@pytest.fixture
def everything_written(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[[], str]]:
    """All that any logger, warning or print has said."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    [own] = logging.getLogger(telemetry.logger.name).handlers
    monkeypatch.setattr(own, "stream", written)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Hongyan")
    monkeypatch.setattr(telemetry.metrics.provider, "namespace", "Hongyan")
    monkeypatch.setattr(threading, "excepthook", lambda hook: written.write(f"thread: {hook.exc_value!r}"))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield lambda: "\n".join([written.getvalue(), *capfd.readouterr(), *(str(one.message) for one in caught)])
    root.setLevel(level)
    root.removeHandler(handler)
    telemetry.metrics.clear_metrics()


def told(origin: str, timeout: float = 2, **changes: str) -> str:
    """Sends one message, tells of it in every way there is, and returns what is stored."""
    one = attempt(**({"summary_text": SUMMARY, "fallback_text": FALLBACK} | changes))
    with opened(FLOW_WEBHOOK, origin, timeout=timeout) as way:
        channel = flow_channel(origin, webhook_url=origin + WEBHOOK_PATH + KEY, bearer_token=TOKEN)
        outcome: Outcome = way.deliver(one, channel, permit())
    closing = Closing(attempt=one, outcome=outcome, transition=after_attempt(one, outcome, RETRY, NOW), finished_at=NOW)
    observer = SendTelemetry()
    observer.closed(closing, won=True)
    observer.reported([closing], "MySQL: OperationalError")
    observer.unreported([closing], "all is away")
    stored = [outcome.exchange.response, closing.transition.error, outcome.exchange.request.get("webhook")]
    return json.dumps(stored, ensure_ascii=False)


def leaked(text: str) -> list[str]:
    """The secrets of which six characters in a row are there."""
    return [secret for secret in SECRETS if any(secret[at : at + 6] in text for at in range(len(secret) - 5))]


@pytest.mark.parametrize("summary", [SUMMARY, ""])
@pytest.mark.parametrize("answer", ANSWERS)
def test_no_answer_brings_them_to_light(answer: str, summary: str, everything_written: Callable[[], str]) -> None:
    """Whatever it repeats, and wherever."""
    with raw_server(ANSWERS[answer]) as server:
        stored = told(server.origin, summary_text=summary)
    [request] = server.requests
    assert [secret for secret in (TOKEN, KEY) if secret.encode() not in request] == []
    assert (summary or FALLBACK) in request.decode()
    assert leaked(stored) == []
    assert leaked(everything_written()) == []


def test_no_failure_to_call_brings_them_to_light(
    tls: SSLContext, monkeypatch: pytest.MonkeyPatch, everything_written: Callable[[], str]
) -> None:
    """Nobody listening, a certificate that nobody signed, silence, an unknown name."""
    stored = [told(f"http://127.0.0.1:{free_port()}")]
    with raw_server(OK, tls=tls) as server:
        stored.append(told(server.origin))
    with raw_server(lambda _request: iter(())) as server:
        server.keep = True
        stored.append(told(server.origin, timeout=0.3))
    monkeypatch.setattr(socket, "getaddrinfo", _unknown)
    stored.append(told("http://elsewhere.invalid"))
    assert leaked("\n".join(stored)) == []
    assert leaked(everything_written()) == []


def _unknown(*_args: object, **_options: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    "library", ["urllib3.connection", "requests", "botocore.endpoint", "sqlalchemy.pool", "pymysql"]
)
def test_libraries_say_nothing_in_the_log(library: str, everything_written: Callable[[], str]) -> None:
    """What they would say holds URLs, statements and values; what goes wrong is raised as well."""
    logging.getLogger(library).error("Failed to parse headers (url=%s)", KEY)
    assert KEY not in everything_written()


def test_what_is_looked_for_would_be_found(everything_written: Callable[[], str]) -> None:
    """Or none of the tests above could fail."""
    sys.stdout.write(TOKEN)
    sys.stderr.write(KEY)
    logging.getLogger("somebody").debug(SUMMARY)
    warnings.warn(FALLBACK, stacklevel=1)
    assert leaked(everything_written()) == list(SECRETS)
