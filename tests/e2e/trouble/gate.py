"""Stands between the functions and moto, and refuses the calls of a service that is to be away."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

_SERVICE = re.compile(r"Credential=[^/]+/[0-9]+/[^/]+/([a-z0-9-]+)/aws4_request")


class Refusal(NamedTuple):
    """How AWS refuses: with a code, and words for people."""

    code: str
    words: str
    status: int = 400

    @property
    def told(self) -> str:
        return f"{self.code}: {self.words}"


class Gate(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, moto: str) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.moto = urlsplit(moto).netloc
        #: by service, such as `kms`, or by a word in the queue's URL
        self.refusing: dict[str, Refusal] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def refuses(self, what: str, refusal: Refusal) -> Iterator[None]:
        self.refusing[what] = refusal
        try:
            yield
        finally:
            del self.refusing[what]


class _Call(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gate

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if refusal := self._refusal(body):
            words = json.dumps({"__type": refusal.code, "message": refusal.words}).encode()
            self._answer(refusal.status, {"Content-Type": "application/x-amz-json-1.1"}, words)
        else:
            self._answer(*self._forwarded(body))

    def _refusal(self, body: bytes) -> Refusal | None:
        service = _SERVICE.search(self.headers.get("Authorization", ""))
        about = {service[1]} if service else set()
        queue = str(json.loads(body).get("QueueUrl", "")) if about == {"sqs"} else ""
        found = (it for what, it in self.server.refusing.items() if what in about or what in queue.lower())
        return next(found, None)

    def _forwarded(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.server.moto, timeout=30)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Writes nothing."""


@contextmanager
def gate_to(moto: str) -> Iterator[Gate]:
    with Gate(moto) as gate:
        threading.Thread(target=gate.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield gate
        finally:
            gate.shutdown()
