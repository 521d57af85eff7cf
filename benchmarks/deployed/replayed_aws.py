"""Answers for AWS at once, with what moto answered before, so that waits for moto are no part of a cold start."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from local.servers.aws import Aws

_HEADERS = ("Content-Type", "x-amzn-RequestId")
_SECONDS = 30


@contextmanager
def replayed(aws: Aws) -> Iterator[Aws]:
    """Requests of an operation are passed on until one succeeds. All later ones have its answer."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(aws.endpoint_url))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield replace(aws, endpoint_url=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(origin: str) -> type[BaseHTTPRequestHandler]:
    answers: dict[str, requests.Response] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers["X-Amz-Target"]
            answer = answers.get(operation) or _asked(origin + self.path, body, dict(self.headers.items()))
            if answer.ok:
                answers[operation] = answer
            self._reply(answer)

        def _reply(self, answer: requests.Response) -> None:
            self.send_response(answer.status_code)
            for name in _HEADERS:
                self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_words: object) -> None: ...

    return Handler


def _asked(url: str, body: bytes, headers: dict[str, str]) -> requests.Response:
    return requests.post(url, data=body, headers=headers, timeout=_SECONDS)
